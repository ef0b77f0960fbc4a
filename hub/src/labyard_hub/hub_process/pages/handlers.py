"""Which page is where, below the hub's prefix."""

from __future__ import annotations

import re
from typing import Any

from labyard.pages import STYLESHEET
from labyard_hub.backends.page_files import STATIC
from labyard_hub.hub_process.pages.account import AccountHandler
from labyard_hub.hub_process.pages.assets import AssetHandler
from labyard_hub.hub_process.pages.command_line import AuthorizeHandler, LoginTokenHandler
from labyard_hub.hub_process.pages.confirm import ConfirmHandler
from labyard_hub.hub_process.pages.home import DeleteServerHandler, HomeHandler, StopServerHandler
from labyard_hub.hub_process.pages.join import InviteHandler, SetupHandler
from labyard_hub.hub_process.pages.others import UserHandler, UserTokensHandler
from labyard_hub.hub_process.pages.people import InvitationsHandler, PeopleHandler, PersonHandler, RemovePersonHandler, RevokeHandler
from labyard_hub.hub_process.pages.removed import RemovedApiHandler, RemovedHandler, RestoreApiHandler, RestoreHandler
from labyard_hub.hub_process.pages.resources import GroupHandler, ResourcesHandler
from labyard_hub.hub_process.pages.sign_in import SignInHandler, SignOutHandler
from labyard_hub.hub_process.pages.start import StartHandler
from labyard_hub.hub_process.pages.visits import PendingHandler

__all__ = ["page_handlers", "provider_handlers"]

NAME = "([a-z0-9-]{1,40})"


def page_handlers() -> list[tuple[Any, ...]]:
    """Return the handlers where Labyard keeps names and passwords; they stand before JupyterHub's own of the same address."""
    return [
        (r"/login", SignInHandler),
        (r"/logout", SignOutHandler),
        (r"/setup", SetupHandler),
        (r"/invite", InviteHandler),
        (r"/account", AccountHandler),
        (r"/admin/invitations", InvitationsHandler),
        (r"/admin/invitations/(\d{1,12})/revoke", RevokeHandler),
        (rf"/admin/people/{NAME}/(promote|demote|reset)", PersonHandler),
        *_common(),
    ]


def provider_handlers() -> list[tuple[Any, ...]]:
    """Return the handlers where people sign in at an identity provider."""
    from labyard_hub.hub_process.pages.provider import (  # noqa: PLC0415  # OAuthenticator takes a while to import
        ProviderAccountHandler,
        ProviderCallbackHandler,
        ProviderLoginHandler,
        ProviderSignInHandler,
        ProviderSignOutHandler,
    )

    return [
        (r"/login", ProviderSignInHandler),
        (r"/oauth_login", ProviderLoginHandler),
        (r"/oauth_callback", ProviderCallbackHandler),
        (r"/logout", ProviderSignOutHandler),
        (r"/account", ProviderAccountHandler),
        *_common(),
    ]


def _common() -> list[tuple[Any, ...]]:
    return [
        (rf"/assets/({re.escape(STYLESHEET.name)})", AssetHandler, {"path": str(STYLESHEET.parent)}),
        (r"/assets/(.*)", AssetHandler, {"path": str(STATIC)}),
        (r"/confirm", ConfirmHandler),
        (r"/home", HomeHandler),
        (r"/spawn", StartHandler),
        (r"/spawn/([^/]+)", StartHandler),
        (r"/spawn/([^/]+)/([^/]+)", StartHandler),
        (r"/spawn-pending/([^/]+)", PendingHandler),
        (r"/spawn-pending/([^/]+)/([^/]+)", PendingHandler),
        (r"/api/users/([^/]+)", UserHandler),
        (r"/api/users/([^/]+)/tokens", UserTokensHandler),
        (r"/api/oauth2/authorize", AuthorizeHandler),
        (r"/api/labyard/login-token", LoginTokenHandler),
        (r"/api/labyard/removed-people", RemovedApiHandler),
        (r"/api/labyard/removed-people/([^/]+)/restore", RestoreApiHandler),
        (r"/servers/([^/]+)/stop", StopServerHandler),
        (r"/servers/([^/]+)/([^/]+)/stop", StopServerHandler),
        (r"/servers/([^/]+)/([^/]+)/delete", DeleteServerHandler),
        (r"/admin", PeopleHandler),
        (r"/admin/resources", ResourcesHandler),
        (r"/admin/removed", RemovedHandler),
        (rf"/admin/removed/{NAME}/(\d{{1,9}})/restore", RestoreHandler),
        (r"/admin/groups/(add|remove)", GroupHandler),
        (rf"/admin/people/{NAME}/remove", RemovePersonHandler),
    ]
