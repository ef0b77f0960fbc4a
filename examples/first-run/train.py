"""Train a small digit classifier, and watch it in TensorBoard and MLflow.

The data set comes with scikit-learn. Nothing about tracking is set up here: in Labyard, address, token, workspace and
experiment come from where the script runs. TensorBoard's files go to the folder ``runs``, a curve per learning rate.

Usage: ``python train.py [LEARNING_RATE]``
"""

from __future__ import annotations

import sys

import mlflow
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from tensorboardX import SummaryWriter

EPOCHS = 15
learning_rate = float(sys.argv[1]) if len(sys.argv) > 1 else 0.01
name = f"lr-{learning_rate:g}"

images, labels = load_digits(return_X_y=True)
images = images / 16.0
train_x, test_x, train_y, test_y = train_test_split(images, labels, test_size=0.25, random_state=0)
model = MLPClassifier(hidden_layer_sizes=(32,), learning_rate_init=learning_rate, random_state=0)

with mlflow.start_run(run_name=name) as run, SummaryWriter(f"runs/{name}", flush_secs=2) as board:
    mlflow.log_params({"hidden_units": 32, "learning_rate": learning_rate, "epochs": EPOCHS})
    for epoch in range(EPOCHS):
        model.partial_fit(train_x, train_y, classes=range(10))
        accuracy = model.score(test_x, test_y)
        board.add_scalar("loss", model.loss_, epoch)
        board.add_scalar("accuracy", accuracy, epoch)
        mlflow.log_metrics({"loss": model.loss_, "accuracy": accuracy}, step=epoch)
    mlflow.log_text(f"accuracy on {len(test_y)} held-out digits: {accuracy:.3f}\n", "summary.txt")

print(f"accuracy {accuracy:.3f} in run {run.info.run_id}")
