"""The people of a Label Studio: the one that it belongs to, made once and kept in its data folder, and those who visit it."""

import contextlib
import getpass
import hashlib
import json
import os
import pathlib
import re
import secrets

_FILE = "labyard-account.json"


def owner_name():
    """Return the name of the user whom the Label Studio belongs to; for a project's, the project's own."""
    for variable in ("LABYARD_USER", "JUPYTERHUB_USER"):
        if os.environ.get(variable):
            return os.environ[variable]
    with contextlib.suppress(OSError, KeyError):
        return getpass.getuser()
    return "user"


def email_of(name):
    """Return the address by which Label Studio knows the user `name`. No two names share one.

    Nothing is ever sent there: the domain is reserved (RFC 2606).
    """
    plain = re.sub(r"[^a-z0-9._-]", "-", name.lower()).strip(".-")[:60]
    if plain != name:
        plain = f"{plain or 'user'}+{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"
    return f"{plain}@labyard.invalid"


def read_account(data_dir):
    """Return email and password."""
    return json.loads(pathlib.Path(data_dir, _FILE).read_text(encoding="utf-8"))


def ensure_account(data_dir):
    """Return email and password; both are made up on the first call, and stay."""
    try:
        return read_account(data_dir)
    except FileNotFoundError:
        pass
    account = {"email": email_of(owner_name()), "password": secrets.token_urlsafe(24)}
    path = pathlib.Path(data_dir, _FILE + ".new")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(account, file)
    path.replace(pathlib.Path(data_dir, _FILE))
    return account


def ensure_user(account):
    """Make the account's user in the database if it is not there, and the organization that everybody is in. Django is set up."""
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
    _join(user, organization)


def ensure_visitor(name):
    """Return the user `name`, made on their first visit. They have no password: only the server that proxies to Label Studio can tell who they are."""
    from django.db import IntegrityError
    from organizations.models import Organization
    from users.models import User

    email = email_of(name)
    user = User.objects.filter(email=email).first()
    if user is None:
        try:
            user = User.objects.create_user(email=email, password=None, username=email.partition("@")[0], first_name=name[:150])
        except IntegrityError:  # another request of theirs was first
            user = User.objects.get(email=email)
        user.allow_newsletters = False
        user.save(update_fields=["allow_newsletters"])
    if user.active_organization_id is None:
        _join(user, Organization.objects.first())
    return user


def _join(user, organization):
    if not organization.has_user(user):
        organization.add_user(user)
    if user.active_organization_id is None:
        user.active_organization = organization
        user.save(update_fields=["active_organization"])
