"""Serves TensorBoard on a Unix socket. Runs by the interpreter of TensorBoard's environment.

Usage: ``python tensorboard_socket.py --socket PATH [--reload-seconds N] TENSORBOARD_ARGUMENT ...``

TensorBoard itself knows only TCP ports, and every user of the machine can connect to a port of the loopback interface. A socket in a
folder that only its owner can enter keeps the event files private.
"""

import argparse
import gzip
import mimetypes
import sys

import tensorboard_data

DEFAULTS = b"""// An open TensorBoard follows a training by itself, unless somebody has chosen otherwise.
try {
  const key = '_tb_global_settings';
  const settings = JSON.parse(localStorage.getItem(key) || '{}');
  if (settings.autoReload === undefined) {
    localStorage.setItem(key, JSON.stringify({ autoReloadPeriodInMs: 15000, ...settings, autoReload: true }));
  }
} catch {
  // A browser that keeps nothing gets TensorBoard's own defaults.
}
"""

HEAD = b"""<head><script src="labyard.js"></script>
<style>@media (prefers-color-scheme: dark) { body:has(> tb-webapp:empty) { background: #303030; } }</style>"""
"""The page is light until its program runs, whatever the browser wants: a white flash in the dark."""


class Page:
    """TensorBoard's application with its page changed a little: the fonts under the prefix, which it takes from the root of the host, and our defaults."""

    def __init__(self, application, prefix):
        self.application, self.prefix = application, prefix.rstrip("/")

    def __call__(self, environ, start_response):
        """Answer one request."""
        path = environ["PATH_INFO"]
        if path == f"{self.prefix}/labyard.js":
            start_response(
                "200 OK", [("Content-Type", "text/javascript"), ("Content-Length", str(len(DEFAULTS))), ("Cache-Control", "no-cache")]
            )
            return [DEFAULTS]
        if path not in (f"{self.prefix}/", f"{self.prefix}/index.html") or environ["REQUEST_METHOD"] != "GET":
            return self.application(environ, start_response)
        compresses = "gzip" in environ.pop("HTTP_ACCEPT_ENCODING", "")  # what is compressed cannot be changed
        begun = []
        answer = self.application(environ, lambda *arguments: begun.append(arguments))
        try:
            body = b"".join(answer).replace(b"url(/font-roboto/", f"url({self.prefix}/font-roboto/".encode()).replace(b"<head>", HEAD, 1)
        finally:
            getattr(answer, "close", lambda: None)()
        status, headers, *rest = begun[0]
        headers = [(name, value) for name, value in headers if name.lower() not in ("content-length", "content-encoding", "vary")]
        headers.append(("Vary", "Accept-Encoding"))
        if compresses:
            body = gzip.compress(body, compresslevel=3, mtime=0)
            headers.append(("Content-Encoding", "gzip"))
        start_response(status, [*headers, ("Content-Length", str(len(body)))], *rest)
        return [body]


def make_board(path):
    """Return a TensorBoard that listens on the Unix socket `path`."""
    from tensorboard import default, program
    from werkzeug import serving

    class RequestHandler(serving.WSGIRequestHandler):
        """Keeps connections open, as TensorBoard's own does."""

        protocol_version = "HTTP/1.1"

        def address_string(self):
            """Return a word: the peer of a Unix socket has no address."""
            return "proxy"

        def log_request(self, code="-", size="-"):
            """Say nothing; a page that reloads itself would fill the log."""

    class SocketServer(serving.ThreadedWSGIServer, program.TensorBoardServer):
        """TensorBoard's application on a Unix socket."""

        daemon_threads = True

        def __init__(self, wsgi_app, flags):
            self._flags = flags
            super().__init__(f"unix://{path}", 0, Page(wsgi_app, flags.path_prefix), RequestHandler)

        def get_url(self):
            """Return where it listens, for TensorBoard's messages."""
            return f"unix://{path}{self._flags.path_prefix}/"

        def print_serving_message(self):
            """Say that it is ready."""
            sys.stderr.write(f"TensorBoard reads {self._flags.logdir} and listens on {path}\n")
            sys.stderr.flush()

    class QuietTensorBoard(program.TensorBoard):
        """TensorBoard that does not announce itself in the machine's shared temporary folder."""

        def _register_info(self, server):
            pass

    return QuietTensorBoard(plugins=default.get_plugins(), server_class=SocketServer)


def start_data_server(logdir, reload_seconds):
    """Return the data server, or None where there can be none."""
    try:
        return tensorboard_data.DataServer(logdir, reload_seconds)
    except tensorboard_data.NoDataServerError as error:
        say_slow(error)
        return None


def data_flags(data_server, reload_seconds):
    """Return TensorBoard's flags for where its data comes from."""
    if data_server is not None:
        try:
            return [f"--grpc_data_provider={data_server.address()}"]
        except tensorboard_data.NoDataServerError as error:
            say_slow(error)
    return [
        "--load_fast=false",
        f"--reload_interval={reload_seconds}",
        # A training may write several files, and go on writing to one that is not the newest. (The data server reads them all anyway.)
        "--reload_multifile=true",
    ]


def say_slow(error):
    """Tell the log why it will take longer."""
    print(f"TensorBoard reads without its data server, which is slower: {error}", file=sys.stderr, flush=True)


def main():
    """Set up and serve."""
    parser = argparse.ArgumentParser(description="Serve TensorBoard on a Unix socket.", allow_abbrev=False)
    parser.add_argument("--socket", required=True, help="path of the Unix socket to listen on")
    parser.add_argument("--reload-seconds", type=float, default=5, help="seconds between two looks for new events")
    parser.add_argument("--logdir", required=True, help="folder with the event files")
    parser.add_argument("--python-loader", action="store_true", help="read the event files without the data server")
    ours, theirs = parser.parse_known_args()
    # Before TensorBoard is imported: the data server reads meanwhile, and a process with several threads cannot change its network.
    data_server = None if ours.python_loader else start_data_server(ours.logdir, ours.reload_seconds)
    mimetypes.add_type("text/javascript", ".js")
    board = make_board(ours.socket)
    board.configure(argv=[sys.argv[0], f"--logdir={ours.logdir}", *data_flags(data_server, ours.reload_seconds), *theirs])
    return board.main()


if __name__ == "__main__":
    sys.exit(main())
