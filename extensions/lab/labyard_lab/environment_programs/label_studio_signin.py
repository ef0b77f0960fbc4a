"""Signs people in to this Label Studio: anyone who reaches its socket has been let through by the Jupyter server, which says who they are."""

import functools
import os

from django.conf import settings

_HEADER = "HTTP_X_LABYARD_USER"


@functools.lru_cache(maxsize=1)
def _owner_email():
    from label_studio_account import read_account

    return read_account(settings.BASE_DATA_DIR)["email"]


def _visitor(request):
    """Return the name of who asks; None is the one whom this Label Studio belongs to.

    A Jupyter server without the platform makes names up, so its word counts on the platform only.
    """
    name = request.META.get(_HEADER)
    if not name or not os.environ.get("LABYARD_SERVICE_URL"):
        return None
    from label_studio_account import owner_name

    return None if name == owner_name() else name


class SignIn:
    """Django middleware that makes every request the user's who sent it.

    A request that brings Label Studio's own API key stays as it is: a wrong key is answered as one.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        """Answer one request."""
        if "HTTP_AUTHORIZATION" not in request.META and "HTTP_X_API_KEY" not in request.META:
            self._sign_in(request)
        return self.get_response(request)

    @staticmethod
    def _sign_in(request):
        from label_studio_account import email_of, ensure_visitor
        from users.functions import login
        from users.models import User

        name = _visitor(request)
        email = _owner_email() if name is None else email_of(name)
        if request.user.is_authenticated:
            if request.user.email == email:
                return
            # Somebody else uses this browser now; nothing of the other session is left to them.
            request.session.flush()
        user = User.objects.filter(email=email).first() if name is None else ensure_visitor(name)
        if user is not None and user.is_active:
            login(request, user, backend="django.contrib.auth.backends.ModelBackend")
