"""Streamlit's command line, as far as a page of ours uses it: serves one line that says which app it was given, and where."""

import argparse
import http.server

parser = argparse.ArgumentParser()
parser.add_argument("command", choices=["run"])
parser.add_argument("app")
parser.add_argument("--server.headless", required=True)
parser.add_argument("--server.address", required=True)
parser.add_argument("--server.port", type=int, required=True)
parser.add_argument("--server.baseUrlPath", required=True)
options = vars(parser.parse_args())


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers every address."""

    def do_GET(self):
        """Say what was asked for."""
        body = f"{options['app']} at {options['server.baseUrlPath']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


http.server.HTTPServer((options["server.address"], options["server.port"]), Handler).serve_forever()
