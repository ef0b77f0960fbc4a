"""What HAProxy does by host name: one name for the hub and its services, and one below it for each user's servers.

A page of a server's name is a stranger at the hub's, although browsers call both the same site and send each other's cookies.
"""

from __future__ import annotations

from labyard_hub.config.origins import LABEL_PATTERN, Origins

__all__ = ["host_rules", "missing_rules", "route_rules"]

ASSETS_PATH = "/services/labyard/assets/"
OPEN_PATHS = (ASSETS_PATH, "/services/mlflow/health", "/hub/static/", "/hub/assets/", "/hub/logo")
"""Paths below which each file is the same for everybody."""
PAGE = "{ method GET HEAD } { req.hdr(Accept) -m sub text/html }"
PREFIXED = ("jupyterhub-hub-login", "labyard-session")
"""Cookies that have the origins' prefix."""
COOKIES = ("jupyterhub-session-id", "oauthenticator-state", "labyard-device")
"""Further cookies that a request to the hub or a service holds once."""


def host_rules(origins: Origins | None) -> list[str]:
    """Return what is decided before a route is looked for."""
    if origins is None or not origins.separate:
        return ["  acl at_server always_false"]
    base, host = origins.base, origins.host
    named = origins.of_label("%[path,field(3,/)]")
    names = (*(origins.cookie_prefix + name for name in PREFIXED), *COOKIES)
    twice = " || ".join(f"at_base {{ req.cook_cnt({name}) gt 1 }}" for name in names)
    return [
        "  http-request set-var(txn.host) req.hdr(Host),field(1,:),lower",
        "  http-request set-var(txn.place) str(elsewhere)",
        f"  http-request set-var(txn.place) str(base) if {{ var(txn.host) -m str {host} }}",
        f"  http-request set-var(txn.place) str(server) if {{ var(txn.host) -m end .{host} }}",
        # JupyterLab finds its own files by ways that lead to no other name.
        f"  http-request set-var(txn.place) str(assets) if {{ var(txn.host) -m end .{host} }} {{ path_beg {ASSETS_PATH} }}",
        *(f"  acl at_{place} var(txn.place) -m str {place}" for place in ("base", "server", "elsewhere")),
        # Under another name of this machine, pages are sent to the right one; programs, which have no cookies, may ask for what needs no name of its own.
        f"  http-request redirect location {base}%[pathq] code 307 if at_elsewhere {PAGE}",
        f'  http-request return status 421 content-type text/plain string "This platform is at {base}/." if at_elsewhere {{ req.hdr(Cookie) -m found }} || at_elsewhere {{ req.hdr(Origin) -m found }}',
        # A user's path under a name that is not theirs.
        f"  http-request set-var(txn.owner) path,field(3,/),concat(.{host})",
        f"  http-request redirect location {named}%[pathq] code 307 if {{ path_reg ^/user/{LABEL_PATTERN}(/|$) }} !{{ path_beg /user/xn-- }} !{{ var(txn.host),strcmp(txn.owner) eq 0 }}",
        # What a page of a server would have a browser do at the hub.
        f"  http-request deny deny_status 403 if at_base !{{ method GET HEAD OPTIONS }} {{ req.hdr(Origin) -m found }} !{{ req.hdr(Origin) -m str {base} }}",
        "  http-request deny deny_status 403 if at_base { req.hdr(Sec-Fetch-Site) same-site cross-site } !{ req.hdr(Sec-Fetch-Mode) navigate } "
        f"!{{ path_beg {' '.join(OPEN_PATHS)} }}",
        # A page of a server can set a cookie for all names. Two of one name are one too many, and nobody can tell which is ours.
        f'  http-request return status 400 content-type text/plain hdr Clear-Site-Data \'"cookies"\' string "A page has set a cookie of another page. All cookies of this site were removed: sign in again." if {twice}',
    ]


def route_rules(origins: Origins | None, map_name: str) -> list[str]:
    """Return what looks a route up in the map."""
    if origins is None or not origins.separate:
        return [f"  http-request set-var(txn.target) var(txn.path),map_beg({map_name})"]
    return [
        # An earlier run without names may have left routes of servers.
        f"  http-request set-var(txn.target) str(%2F),map({map_name}) if !at_server",
        f"  http-request set-var(txn.target) var(txn.path),map_beg({map_name}) if !at_server !{{ var(txn.path) -m beg %2Fuser%2F }}",
        f"  http-request set-var(txn.target) var(txn.host),concat(,txn.path),map_beg({map_name}) if at_server",
    ]


def missing_rules(origins: Origins | None) -> list[str]:
    """Return what answers at a server's name where no server runs: pages come from the hub, and programs get the proxy's own answer."""
    if origins is None or not origins.separate:
        return []
    missing = f"at_server !{{ var(txn.target) -m sub | }} {PAGE}"
    return [
        f"  http-request redirect location {origins.base}/hub%[pathq] code 302 if {missing} {{ path_beg /user/ }}",
        f"  http-request redirect location {origins.base}%[pathq] code 302 if {missing}",
    ]
