"""MLflow's tracking server behind a gateway that authenticates every request and confines it to one workspace.

It runs with the interpreter of MLflow's own environment, as ``python -m mlflow_gateway``, and imports nothing of Labyard's.
"""
