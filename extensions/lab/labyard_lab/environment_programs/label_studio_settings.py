"""What this Label Studio sets differently from Label Studio's own Django settings: one person, behind a proxy."""

_SIGN_IN_AFTER = "django.contrib.auth.middleware.AuthenticationMiddleware"


def adapt(settings, prefix):
    """Change the loaded `settings` before Django is set up with them.

    They are changed and not built upon, because Label Studio's settings look at themselves through Django while they are being loaded.

    Parameters
    ----------
    settings
        ``django.conf.settings``.
    prefix
        URL path that it is served under, without a trailing slash.
    """
    settings.FORCE_SCRIPT_NAME = prefix or None
    # Its cookies go to it alone and not to whatever else the host serves.
    settings.SESSION_COOKIE_PATH = settings.CSRF_COOKIE_PATH = settings.LANGUAGE_COOKIE_PATH = prefix + "/"
    # The proxy in front tells whether the browser speaks TLS; only that proxy can reach the socket.
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # No page of another origin reads labels.
    settings.CORS_ALLOW_ALL_ORIGINS = False
    settings.REST_FRAMEWORK["EXCEPTION_HANDLER"] = "label_studio_files.answer_error"
    # After Django's own, which finds out whether a session already says who it is.
    middleware = list(settings.MIDDLEWARE)
    middleware.insert(middleware.index(_SIGN_IN_AFTER) + 1, "label_studio_signin.SignIn")
    settings.MIDDLEWARE = middleware
