"""Writes a scalar with the notebooks' environment, and asks TensorBoard, started in its own, to show it."""

import json
import subprocess
import sys
import time
import urllib.request

WORKBENCH, TENSORBOARD = (f"/opt/labyard/environments/{name}/bin/python" for name in ("workbench", "tensorboard"))
WRITE = "from tensorboardX import SummaryWriter\nwith SummaryWriter('/tmp/logs/first') as writer:\n    writer.add_scalar('loss', 0.25, 7)\n"
URL = "http://127.0.0.1:6106/data/plugin/scalars/scalars?run=first&tag=loss"

subprocess.run([WORKBENCH, "-c", WRITE], check=True, env={"HOME": "/tmp"})
server = subprocess.Popen(
    [TENSORBOARD, "-m", "tensorboard.main", "--logdir", "/tmp/logs", "--host", "127.0.0.1", "--port", "6106"], stderr=subprocess.DEVNULL
)
answer = None
deadline = time.monotonic() + 120
while answer is None and time.monotonic() < deadline and server.poll() is None:
    try:
        with urllib.request.urlopen(URL, timeout=5) as response:
            answer = json.load(response)
    except OSError:
        time.sleep(0.3)  # it is another program that we wait for
server.terminate()
if answer is None:
    sys.exit("TensorBoard did not answer")
print(json.dumps([point[1:] for point in answer]))
