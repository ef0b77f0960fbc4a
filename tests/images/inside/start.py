"""Starts the single-user server beside a stand-in for the hub, and says when it answered.

Usage: ``python start.py SECONDS``, with the time at which the container was asked for, since the epoch. Prints JSON.
"""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar


class Hub(BaseHTTPRequestHandler):
    """Says what a server asks the hub at its start, and keeps what it tells."""

    told: ClassVar[dict[str, object]] = {}

    def do_GET(self) -> None:
        self._answer({"version": "6.1.1"})

    def do_POST(self) -> None:
        self.told[self.path] = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or "null")
        self._answer({})

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, data: object) -> None:
        body = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("x-jupyterhub-version", "6.1.1")
        self.end_headers()
        self.wfile.write(body)


def ask(path: str) -> object:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:8888/user/ada/{path}", timeout=5) as response:
            return json.load(response)
    except (OSError, ValueError):
        return None


began = float(sys.argv[1])
hub = ThreadingHTTPServer(("127.0.0.1", 8081), Hub)
threading.Thread(target=hub.serve_forever, daemon=True).start()
environment = {
    **os.environ,
    "JUPYTERHUB_API_URL": "http://127.0.0.1:8081/hub/api", "JUPYTERHUB_API_TOKEN": "token", "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-ada",
    "JUPYTERHUB_BASE_URL": "/", "JUPYTERHUB_HOST": "", "JUPYTERHUB_SERVER_NAME": "", "JUPYTERHUB_USER": "ada",
    "JUPYTERHUB_SERVICE_PREFIX": "/user/ada/", "JUPYTERHUB_SERVICE_URL": "http://0.0.0.0:8888/user/ada/",
    "JUPYTERHUB_OAUTH_CALLBACK_URL": "/user/ada/oauth_callback", "JUPYTERHUB_OAUTH_SCOPES": '["access:servers!server=ada/"]',
    "JUPYTERHUB_OAUTH_ACCESS_SCOPES": '["access:servers!server=ada/"]', "JUPYTERHUB_ACTIVITY_URL": "http://127.0.0.1:8081/hub/api/users/ada/activity",
}  # fmt: skip
log = open("/tmp/server.log", "w")
server = subprocess.Popen(["labyard-singleuser"], env=environment, stdout=log, stderr=subprocess.STDOUT)
answer, deadline = None, time.monotonic() + 200
while answer is None and server.poll() is None and time.monotonic() < deadline:
    answer = ask("api")
    if answer is None:
        time.sleep(0.02)  # it is another program that we wait for
seconds = time.time() - began
while "/hub/api/labyard/ready/ada" not in Hub.told and server.poll() is None and time.monotonic() < deadline:
    time.sleep(0.02)
server.terminate()
server.wait()
text = open("/tmp/server.log").read()
extensions = [
    name
    for name in ("labyard_lab", "jupyterlab_git", "jupyter_resource_usage", "notebook")
    if f"{name} | extension was successfully loaded" in text
]
print(
    json.dumps(
        {
            "answer": answer,
            "seconds": round(seconds, 2),
            "extensions": extensions,
            "told": "/hub/api/labyard/ready/ada" in Hub.told,
            "log": text[-4000:],
        }
    )
)
