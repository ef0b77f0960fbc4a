"""What HAProxy is told at its start. Nothing in it depends on who runs a server: routes are in a map, which its socket changes while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from labyard_hub.backends.haproxy.hosts import host_rules, missing_rules, route_rules
from labyard_hub.backends.haproxy.pages import PAGES
from labyard_hub.config.origins import Origins
from labyard_hub.config.proxy_word import PROXY_HEADER

__all__ = ["CERTIFICATE_NAME", "CONFIGURATION_NAME", "MAP_NAME", "ProxyPlan", "configuration_files"]

CONFIGURATION_NAME = "haproxy.cfg"
MAP_NAME = "proxy-routes.map"
CERTIFICATE_NAME = "proxy.pem"
"""File names in the proxy's folder. They are looked for beside the configuration, so no path has to be quoted, and a map has one name everywhere."""

SPOOFED = ("for", "host", "proto", "port", "server", "uri", "method", "prefix", "ssl", "tls-client-cert", "tls-client-cert-info")
HOP_BY_HOP = ("Keep-Alive", "HTTP2-Settings", "Proxy-Connection", "Proxy-Authorization", "TE", "Trailer")


@dataclass(frozen=True)
class ProxyPlan:
    """What one proxy is to do.

    Attributes
    ----------
    host, port
        What it listens on.
    admin
        ``host:port`` where it answers 200 once it is ready.
    socket
        Path of the Unix socket that changes routes.
    default
        Address (`addresses.address_of`) for paths that no route is for; None: they get the page that says so.
    fixed
        Path without a trailing slash → address, for routes that are always there. They go before the others.
    tls
        Whether it speaks TLS, with the certificate in its folder.
    plain_port
        Another port, without TLS, that sends browsers to ``https``; None: there is none.
    before
        ``https`` where something before it does TLS for everybody who comes; None: it goes by what it speaks itself.
    trusted
        Networks of proxies before this one, whose last word in ``X-Forwarded-For`` is where a request came from.
    account
        Numbers of user and group that it becomes once it listens; None: it stays who it is.
    threads
        How many processors it may use.
    origins
        Names of hub and servers; None: the proxy looks at no host name.
    word
        By which the hub knows that a request came through this proxy (`config.proxy_word`); None: it is not told.
    soft_stop_seconds
        How long it waits for open requests after SIGUSR1; None: without a limit.
    """

    host: str
    port: int
    admin: str
    socket: Path
    default: str | None = None
    fixed: Mapping[str, str] = field(default_factory=dict)
    tls: bool = False
    plain_port: int | None = None
    before: str | None = None
    trusted: tuple[str, ...] = ()
    account: tuple[int, int] | None = None
    threads: int = 1
    soft_stop_seconds: int | None = None
    origins: Origins | None = None
    word: str | None = field(default=None, repr=False)


def configuration_files(plan: ProxyPlan) -> dict[str, str]:
    """Return the files that the proxy needs in its folder, by name; the map and the certificate are others' work."""
    return {CONFIGURATION_NAME: _configuration(plan), **{_page_name(status): page for status, page in PAGES.items()}}


def _page_name(status: int) -> str:
    return f"proxy-{status}.html"


def _configuration(plan: ProxyPlan) -> str:
    return (
        "\n".join(("# Written by Labyard at each start.", *_global(plan), *_defaults(), *_public(plan), *_admin(plan), *_servers())) + "\n"
    )


def _global(plan: ProxyPlan) -> list[str]:
    return [
        "global",
        "  default-path config",
        f"  stats socket unix@{plan.socket} mode 600 level admin",
        f"  nbthread {plan.threads}",
        *([f"  hard-stop-after {plan.soft_stop_seconds}s"] if plan.soft_stop_seconds is not None else []),
        *([f"  uid {plan.account[0]}", f"  gid {plan.account[1]}"] if plan.account is not None else []),
        # As many connections as the machine lets it have, but no table of a thousand million where that is not limited.
        "  fd-hard-limit 1000000",
        # Headers and address of a request have to fit into one; cookies and the questions that MLflow asks in its address are long.
        "  tune.bufsize 65536",
        # A browser then opens a websocket as HTTP/1.1 does. Not all servers' answers survive the other way.
        "  h2-workaround-bogus-websocket-clients",
        "  ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets",
    ]


def _defaults() -> list[str]:
    return [
        "defaults",
        "  mode http",
        # Notebooks talk in small pieces, and each is waited for.
        "  option http-no-delay",
        # A laptop that was closed ends its connections by no word.
        "  option clitcpka",
        "  clitcpka-idle 60s",
        "  clitcpka-intvl 30s",
        "  clitcpka-cnt 4",
        "  option dontlognull",
        "  timeout connect 5s",
        # Headers have to come in a minute. Bodies, answers and websockets may be silent for as long as they like.
        "  timeout http-request 60s",
        "  timeout http-keep-alive 180s",
        "  timeout client 168h",
        "  timeout server 168h",
        "  timeout tunnel 168h",
        "  timeout client-fin 60s",
        # A server that refuses is gone. HAProxy would wait a second before it tried again.
        "  retries 0",
        "  http-reuse safe",
        *(
            f'  http-error status {status} content-type "text/html; charset=utf-8" file {_page_name(status)} hdr Cache-Control no-store'
            f" hdr X-Content-Type-Options nosniff hdr Content-Security-Policy \"default-src 'none'; style-src 'unsafe-inline'\""
            + (" hdr Retry-After 2" if status == 503 else "")
            for status in PAGES
        ),
    ]


def _public(plan: ProxyPlan) -> list[str]:
    families = " v4v6" if plan.host == "::" else ""
    tls = f" ssl crt {CERTIFICATE_NAME} alpn h2,http/1.1" if plan.tls else ""
    scheme, port = ("https", 443) if plan.tls or plan.before == "https" else ("http", 80)
    host = f"[{plan.host}]" if ":" in plan.host else plan.host
    plain = (
        [f"  bind {host}:{plan.plain_port}{families}", "  http-request redirect scheme https code 308 unless { ssl_fc }"]
        if plan.plain_port
        else []
    )
    return [
        "frontend public",
        f"  bind {host}:{plan.port}{families}{tls}",
        *plain,
        # Browsers resolve dots themselves, and a client that does not means no good.
        "  http-request return status 400 content-type text/plain string \"Bad request: a path with '..' in it.\" if { path,url_dec -m sub /../ } || { path,url_dec -m end /.. }",
        "  http-request set-var(txn.from) src",
        *(
            [
                f"  http-request set-var(txn.from) req.hdr_ip(X-Forwarded-For,-1) if {{ src {' '.join(plan.trusted)} }} {{ req.hdr_ip(X-Forwarded-For,-1) -m found }}"
            ]
            if plan.trusted
            else []
        ),
        *_headers(scheme, port),
        *host_rules(plan.origins),
        "  http-request set-var(txn.path) path,url_dec,url_enc",
        *route_rules(plan.origins, MAP_NAME),
        *(
            f"  http-request set-var(txn.target) str({address}) if !at_server {{ path {path} }} || !at_server {{ path_beg {path}/ }}"
            for path, address in plan.fixed.items()
        ),
        # A line of the map that was cut off has no whole address.
        *(
            [f"  http-request set-var(txn.target) str({plan.default}) if !at_server !{{ var(txn.target) -m sub | }}"]
            if plan.default
            else []
        ),
        *missing_rules(plan.origins),
        "  http-request return status 503 default-errorfiles unless { var(txn.target) -m sub | }",
        *_word(plan),
        "  http-request set-dst var(txn.target),field(1,|)",
        "  http-request set-dst-port var(txn.target),field(2,|)",
        "  http-response del-header Keep-Alive",
        "  http-response del-header Proxy-Connection",
        "  use_backend changes unless { method GET HEAD OPTIONS }",
        "  default_backend servers",
    ]


def _word(plan: ProxyPlan) -> list[str]:
    """Return what tells the hub, and nobody's server, that this proxy says where a request came from. The hub's address is that of the route for all paths."""
    if plan.word is None:
        return []
    return [
        f"  http-request set-var(txn.hub) str(%2F),map_beg({MAP_NAME})",
        *([f"  http-request set-var(txn.hub) str({plan.default}) if !{{ var(txn.hub) -m sub | }}"] if plan.default else []),
        f"  http-request set-header {PROXY_HEADER} {plan.word} if !at_server {{ var(txn.target),strcmp(txn.hub) eq 0 }}",
    ]


def _headers(scheme: str, port: int) -> list[str]:
    """Return what makes the headers that servers go by this proxy's own word, and leaves out those that are about one connection."""
    spoofed = [f"X-Forwarded-{name}" for name in SPOOFED] + ["X-Real-Ip", "X-Scheme", "Forwarded", PROXY_HEADER]
    return [
        # Servers that speak WSGI take X_Forwarded_For for X-Forwarded-For.
        "  http-request del-header _ -m sub",
        *(f"  http-request del-header {name}" for name in (*spoofed, *HOP_BY_HOP)),
        # Of another protocol this proxy would understand nothing. What else `Connection` names might be a header that is for the server.
        "  http-request del-header Upgrade unless { req.hdr(Upgrade) -i websocket }",
        "  http-request set-header Connection Upgrade if { req.hdr(Upgrade) -m found }",
        "  http-request del-header Connection unless { req.hdr(Upgrade) -m found }",
        "  http-request set-header X-Forwarded-For %[var(txn.from)]",
        "  http-request set-header X-Real-Ip %[var(txn.from)]",
        f"  http-request set-header X-Forwarded-Proto {scheme}",
        "  http-request set-header X-Forwarded-Host %[req.hdr(Host)] if { req.hdr(Host) -m found }",
        f"  http-request set-header X-Forwarded-Port {port}",
        "  http-request set-header X-Forwarded-Port %[req.hdr(Host),port_only] unless { req.hdr(Host),port_only eq 0 }",
    ]


def _admin(plan: ProxyPlan) -> list[str]:
    return ["frontend admin", f"  bind {plan.admin}", '  http-request return status 200 content-type text/plain string "ready"']


def _servers() -> list[str]:
    """Return the backends: for what only asks, by connections that are kept, and for what changes something.

    A server may close a kept connection in the moment in which a request is sent on it, as JupyterHub's do after a refusal. HAProxy then ends the client's connection
    without an answer. What only asks is sent once more; what changes something must not be, and so gets a connection of its own.
    """
    return [
        *("backend servers", "  option srvtcpka", "  retries 1", "  retry-on empty-response", "  server any 0.0.0.0:0"),
        *("backend changes", "  option srvtcpka", "  option http-server-close", "  http-reuse never", "  server any 0.0.0.0:0"),
    ]
