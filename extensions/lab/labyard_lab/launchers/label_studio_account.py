"""The account of the one user of a Label Studio: made once, kept in its data folder."""

import contextlib
import getpass
import json
import os
import pathlib
import re
import secrets

_FILE = "labyard-account.json"


def _name():
    for variable in ("LABYARD_USER", "JUPYTERHUB_USER"):
        if os.environ.get(variable):
            return os.environ[variable]
    with contextlib.suppress(OSError, KeyError):
        return getpass.getuser()
    return "user"


def read_account(data_dir):
    """Return email and password."""
    return json.loads(pathlib.Path(data_dir, _FILE).read_text(encoding="utf-8"))


def ensure_account(data_dir):
    """Return email and password; both are made up on the first call, and stay."""
    try:
        return read_account(data_dir)
    except FileNotFoundError:
        pass
    # Label Studio knows people by their email address. This one is never written to: the domain is reserved (RFC 2606).
    local = re.sub(r"[^a-z0-9._-]", "-", _name().lower()).strip(".-") or "user"
    account = {"email": f"{local}@labyard.invalid", "password": secrets.token_urlsafe(24)}
    path = pathlib.Path(data_dir, _FILE + ".new")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(account, file)
    path.replace(pathlib.Path(data_dir, _FILE))
    return account


def ensure_user(account):
    """Make the account's user in the database if it is not there. Django is set up."""
    from organizations.models import Organization
    from users.models import User

    user = User.objects.filter(email=account["email"]).first()
    if user is None:
        user = User.objects.create_user(email=account["email"], password=account["password"])
        user.username = account["email"].partition("@")[0]
        user.is_staff = user.is_superuser = True
        user.allow_newsletters = False
        user.save()
    organization = Organization.objects.first()
    if organization is None:
        organization = Organization.create_organization(created_by=user, title="Label Studio", legacy_api_tokens_enabled=True)
    elif not organization.has_user(user):
        organization.add_user(user)
    if user.active_organization_id is None:
        user.active_organization = organization
        user.save(update_fields=["active_organization"])
