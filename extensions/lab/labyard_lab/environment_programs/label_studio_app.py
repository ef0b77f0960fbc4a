"""Serves a person's or a project's Label Studio on a Unix socket. Runs by the interpreter of Label Studio's environment.

Usage: ``python label_studio_app.py --socket PATH --base-url /PATH/ --origin http://HOST --data-dir DIR``

Anyone who reaches the socket is signed in, by the name that the Jupyter server gives them: it lies in a folder that only its user can enter, and the server
that proxies to it lets nobody else through. If ``LABYARD_LABEL_STUDIO_TEMPLATE`` names a migrated database (see ``label_studio_template.py``), a first start
takes seconds instead of a minute.
"""

import argparse
import fcntl
import gc
import os
import pathlib
import sys

import label_studio_django
from label_studio_account import ensure_account, ensure_user
from label_studio_wsgi import Prefixed


def serve(application, socket_path):
    """Serve until told to stop."""
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):
        """Gunicorn with one worker: SQLite takes one writer, and a few people make few requests at once."""

        def load_config(self):
            """Say how to serve."""
            for name, value in {
                "bind": f"unix:{socket_path}",
                "workers": 1,
                "worker_class": "gthread",
                "threads": 8,
                "timeout": 0,  # a long import is no hang
                "graceful_timeout": 1,
                "umask": 0o077,
                "accesslog": None,
                "proc_name": "label-studio",
                "control_socket_disable": True,
            }.items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self):
            """Return what to serve."""
            return application

    sys.argv = sys.argv[:1]
    os.environ.pop("GUNICORN_CMD_ARGS", None)
    Server().run()


def main():
    """Set up and serve."""
    parser = argparse.ArgumentParser(description="Serve Label Studio on a Unix socket.", allow_abbrev=False)
    parser.add_argument("--socket", required=True, help="path of the Unix socket to listen on")
    parser.add_argument("--base-url", required=True, help="URL path that it is served under")
    parser.add_argument("--origin", default="http://localhost", help="scheme, host and port that the browser uses")
    parser.add_argument("--data-dir", required=True, type=pathlib.Path, help="folder for database, uploads and exports")
    arguments = parser.parse_args()
    data_dir = arguments.data_dir.resolve()
    os.umask(0o077)
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(data_dir / "labyard.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print(f"Label Studio already works on {data_dir}, perhaps in another server. Stop it there first", file=sys.stderr)
        return 1
    os.chdir(data_dir)
    label_studio_django.set_variables(data_dir, arguments.base_url, arguments.origin)
    if label_studio_django.copy_template(data_dir, os.environ.get("LABYARD_LABEL_STUDIO_TEMPLATE")):
        print("Started with a prepared database", flush=True)
    account = ensure_account(data_dir)
    # What is imported stays. To look through it for garbage again and again takes a third of the start.
    gc.disable()
    application = label_studio_django.set_up_django(arguments.base_url)
    label_studio_django.migrate(data_dir)
    ensure_user(account)
    gc.freeze()
    gc.enable()
    print("Label Studio is ready", flush=True)
    serve(Prefixed(application, arguments.base_url.rstrip("/")), arguments.socket)
    return 0


if __name__ == "__main__":
    sys.exit(main())
