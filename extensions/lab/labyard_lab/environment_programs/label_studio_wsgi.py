"""Label Studio's WSGI application below a prefix."""

from label_studio_static import Static


class Prefixed:
    """WSGI application below a prefix, at whatever origin the browser uses.

    Label Studio writes its own address into its pages. The address at which it was started need not be the one by which it is visited
    later, so each page that is asked for sets it.
    """

    def __init__(self, application, prefix):
        self.application, self.prefix = Static(self.redirecting(application), self.styled), prefix

    def __call__(self, environ, start_response):
        """Answer one request."""
        path = environ["PATH_INFO"]
        if path == self.prefix or path.startswith(self.prefix + "/"):
            environ["SCRIPT_NAME"], environ["PATH_INFO"] = self.prefix, path[len(self.prefix) :] or "/"
        scheme = "https" if environ.get("HTTP_X_FORWARDED_PROTO", "").partition(",")[0].strip() == "https" else "http"
        environ["wsgi.url_scheme"] = scheme
        if "text/html" in environ.get("HTTP_ACCEPT", "") and environ.get("HTTP_HOST"):
            self.set_address(f"{scheme}://{environ['HTTP_HOST']}{self.prefix}")

        if environ["PATH_INFO"].rstrip("/") == "/heidi-tips":
            # It would fetch them from another host, for every visit.
            start_response("404 Not Found", [("Content-Type", "application/json"), ("Content-Length", "2")])
            return [b"{}"]
        return self.application(environ, start_response)

    def redirecting(self, application):
        """Return `application` with its redirects under the prefix."""

        def redirected(environ, start_response):
            def start(status, headers, *rest):
                return start_response(
                    status, [(name, self.location(value) if name.lower() == "location" else value) for name, value in headers], *rest
                )

            return application(environ, start)

        return redirected

    def styled(self, path, body):
        """Return a file of its page; fonts that a style sheet names lie under the prefix."""
        if path.startswith("/react-app/") and path.endswith(".css"):
            return body.replace(b"url(/static/", f"url({self.prefix}/static/".encode())
        return body

    @staticmethod
    def set_address(address):
        """Tell Label Studio where it is."""
        from django.conf import settings

        if address != settings.HOSTNAME:
            settings.HOSTNAME = settings.FRONTEND_HOSTNAME = address

    def location(self, value):
        """Return where a redirect leads; some of Label Studio's leave its prefix out."""
        if value.startswith("/") and not value.startswith("//") and value != self.prefix and not value.startswith(self.prefix + "/"):
            return self.prefix + value
        return value
