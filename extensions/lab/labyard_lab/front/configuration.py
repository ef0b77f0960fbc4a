"""What the front's nginx is told: one text, written once, that holds for all tools that come and go.

Nothing in it names a tool. Where a tool is, and what to send it, comes with each answer of the server (`labyard_lab.front.handler`), so nginx is never told anew when one
starts or ends. A request that nginx cannot carry as the server itself would goes to the server: so does one that is refused, which makes every refusal the server's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from labyard_lab.exceptions import ToolUnreachableError
from labyard_lab.proxy.errors import error_body
from labyard_lab.proxy.headers import HOP_BY_HOP, USER_HEADER, WEBSOCKET_HANDSHAKE, WHOLE_HOST

__all__ = ["ASKING_HEADER", "FrontPlan", "front_configuration"]

ASKING_HEADER = "X-Labyard-Front"
"""By this header, and the secret in it, the server knows a question of its front's."""

_INSTANCE = "[a-z][a-z0-9-]{0,60}"

# A value is bounded by line breaks, which no header can hold, so two requests that differ never have one key. Whatever the server's answer depends on stands here.
_KEY = r"\n".join(
    ("$request_method", "$labyard_instance", "$http_host", "$http_cookie", "$http_authorization", "$http_origin", "$labyard_referer",
     "$http_sec_fetch_site", "$http_sec_fetch_mode", "$labyard_stream")
)  # fmt: skip


_ANSWERS = ("tool", "port", "prefix", "cookie", "authorization", "user", "ancestors")
"""What the server says of a request that may pass, each in a header of its own."""


@dataclass(frozen=True)
class FrontPlan:
    """What one front needs.

    Attributes
    ----------
    folder
        Where it may write; of mode 0700.
    listen
        Host and port, whose listening socket it inherits.
    server
        Host and port of the server.
    base_path
        URL path that tools are served under, with a trailing slash.
    secret
        By which the server knows its questions.
    as_root
        Whether it runs as root, which makes nginx change accounts unless told otherwise.
    """

    folder: Path
    listen: str
    server: str
    base_path: str
    secret: str
    as_root: bool


def front_configuration(plan: FrontPlan) -> str:
    """Return nginx's configuration."""
    return f"""
daemon off; master_process off; worker_processes 1; pcre_jit on; {"user root root;" if plan.as_root else ""}
pid {plan.folder}/nginx.pid; error_log stderr emerg;
events {{ worker_connections 2048; }}
http {{
{_limits(plan)}
{_maps(plan.base_path)}
upstream jupyter {{ server {plan.server}; keepalive 4; }}
server {{
listen {plan.listen};
proxy_http_version 1.1; proxy_next_upstream off; proxy_redirect off;
proxy_pass_header Server; proxy_pass_header Date;
# None of these may steer nginx: a tool sends what it likes.
proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset Expires Cache-Control Set-Cookie Vary;
{_tool_location()}
{_question(plan)}
location @jupyter {{
  proxy_pass http://jupyter$request_uri;
  proxy_set_header Host $http_host; proxy_set_header {ASKING_HEADER} "";
  proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $labyard_connection;
  # The server closes where it has refused a body unread, and nginx then does too, but says otherwise.
  add_header Connection $labyard_closing always;
}}
{_failures()}
}} }}
"""


def _limits(plan: FrontPlan) -> str:
    """No limit on time or size, as on the server's own way, and nothing of bodies held back or written to disk."""
    folders = " ".join(f"{name}_temp_path {plan.folder}/temporary;" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"""
open_file_cache max=500; open_file_cache_valid 10s;
access_log off; server_tokens off; absolute_redirect off; tcp_nodelay on; types {{}} default_type application/octet-stream; {folders}
underscores_in_headers on; ignore_invalid_headers off; merge_slashes off; map_hash_bucket_size 256;
client_max_body_size 0; client_header_buffer_size 4k; large_client_header_buffers 8 64k; client_body_buffer_size 64k;
client_header_timeout 60s; client_body_timeout 7d; send_timeout 7d; keepalive_timeout 300s; keepalive_requests 1000000; lingering_time 5s;
proxy_request_buffering off; proxy_buffering off; proxy_buffer_size 32k; proxy_buffers 4 32k; proxy_max_temp_file_size 0;
proxy_connect_timeout 30s; proxy_read_timeout 7d; proxy_send_timeout 7d;
proxy_cache_path {plan.folder}/answers keys_zone=answers:256k inactive=1m use_temp_path=off;
"""


def _maps(base_path: str) -> str:
    base = re.escape(base_path)
    return f"""
map $request_uri $labyard_instance {{ "~^{base}(?<labyard_id>{_INSTANCE})(?:[/?]|$)" $labyard_id; default ""; }}
map $http_upgrade $labyard_upgrade {{ "" ""; default 1; }}
map $request_uri $labyard_query {{ "~#|[?&](?:token(?:=|&|$)|[^=&]*%)" 1; default ""; }}
map $http_referer $labyard_referring {{ "~[?&](?:token(?:[=&#]|$)|[^=&#]*%)" 1; default ""; }}
map $http_connection $labyard_naming {{ "" ""; "~*^(?:keep-alive|close)$" ""; default 1; }}
map $http_connection $labyard_connection {{ "~*^(?:keep-alive|close)$" ""; default $http_connection; }}
map $upstream_http_connection $labyard_closing {{ "~*close" close; default ""; }}
map "$labyard_upgrade$labyard_query$labyard_referring$labyard_naming" $labyard_special {{ "" ""; default 1; }}
map "$labyard_special:$labyard_instance" $labyard_way {{ "~^:." tool; default jupyter; }}

map $request_method $labyard_referer {{ GET ""; HEAD ""; OPTIONS ""; default $http_referer; }}
map $http_accept $labyard_stream {{ "~*text/event-stream" 1; default ""; }}

map $labyard_authorization $labyard_own_authorization {{ keep $http_authorization; default ""; }}
map $http_x_forwarded_proto $labyard_proto {{ "" $scheme; default $http_x_forwarded_proto; }}
map $http_x_forwarded_host $labyard_host {{ "" $http_host; default $http_x_forwarded_host; }}
map $http_x_forwarded_for $labyard_for {{ "" $remote_addr; default $http_x_forwarded_for; }}
map $http_x_forwarded_prefix $labyard_forwarded_prefix {{ "" $labyard_prefix; default $http_x_forwarded_prefix; }}
map "$labyard_prefix$request_uri" $labyard_target {{
  "~^({base}{_INSTANCE})\\1(?<labyard_rest>/.*)$" $labyard_rest;
  "~^({base}{_INSTANCE})\\1(?<labyard_bare>.*)$" /$labyard_bare;
  default $request_uri;
}}
{_location_map("location")}
{_location_map("content_location")}
map $upstream_http_content_security_policy $labyard_csp {{
  "~*^(?<labyard_before>(?:.*[;,])?)\\s*frame-ancestors(?:\\s[^;,]*)?(?:;|(?=,)|$)(?<labyard_after>.*)$" $labyard_before$labyard_after;
  default $upstream_http_content_security_policy;
}}
map $http_accept $labyard_failure {{ "~text/html" @failed_page; default @failed_json; }}
map "$content_length$http_transfer_encoding:$upstream_connect_time" $labyard_failed {{ ":-" @jupyter; default $labyard_failure; }}
"""


def _location_map(header: str) -> str:
    """Return what makes the browser's path of where a tool says that something is: without a host, and below the prefix that the tool may not know of.

    The subject is prefix, host, the tool's own port and the header. `labyard_lab.proxy.headers.response_headers` does the same.
    """
    name = f"labyard_{header}"
    head = r"^([^|]*)\|([^|]*)\|([^|]*)\|"
    ours = r"(?i:https?:)?//(?:\2|(?:localhost|127\.0\.0\.1)\3)(?=[/?#]|$)"
    return f"""
map "$labyard_prefix|$http_host|$labyard_port|$upstream_http_{header}" ${name} {{
  "~{head}(?:{ours}|(?!//))(?<{name}_known>(?=/)\\1(?:[/?#].*)?)$" ${name}_known;
  "~{head}{ours}/*(?<{name}_own>[^/].*)?$" "$labyard_prefix/${name}_own";
  "~{head}/(?!/)(?<{name}_path>.*)$" "$labyard_prefix/${name}_path";
  default $upstream_http_{header};
}}"""


def _tool_location() -> str:
    by_nginx = {"connection", "transfer-encoding", "upgrade"}
    hidden = HOP_BY_HOP - by_nginx | WHOLE_HOST | {"location", "content-location", "set-cookie", "content-security-policy", "upgrade"}
    # WSGI servers take underscores in a header's name for hyphens.
    first, second, third = USER_HEADER.split("-")
    spellings = {f"{first}{one}{second}{two}{third}" for one in "-_" for two in "-_"} - {USER_HEADER}
    dropped = HOP_BY_HOP - by_nginx | WEBSOCKET_HANDSHAKE | spellings | {ASKING_HEADER, "expect"}
    return f"""
location / {{
  if ($labyard_way = jupyter) {{ return 418; }}
  error_page 401 403 418 500 = @jupyter;
  error_page 502 504 = $labyard_failed;
  auth_request /labyard-ask;
  {_lines(f"auth_request_set $labyard_{name} $upstream_http_x_labyard_{name}" for name in _ANSWERS)}
  proxy_pass $labyard_tool$labyard_target;
  {_lines(f'proxy_set_header {name} ""' for name in sorted(dropped))}
  proxy_set_header Connection close; proxy_set_header Host $http_host;
  proxy_set_header Cookie $labyard_cookie; proxy_set_header Authorization $labyard_own_authorization; proxy_set_header {USER_HEADER} $labyard_user;
  proxy_set_header X-Forwarded-Proto $labyard_proto; proxy_set_header X-Forwarded-Host $labyard_host;
  proxy_set_header X-Forwarded-For $labyard_for; proxy_set_header X-Forwarded-Prefix $labyard_forwarded_prefix;
  {_lines(f"proxy_hide_header {name}" for name in sorted(hidden))}
  add_header Location $labyard_location always; add_header Content-Location $labyard_content_location always;
  add_header Content-Security-Policy $labyard_csp always; add_header Content-Security-Policy "frame-ancestors $labyard_ancestors" always;
}}
"""


def _lines(directives: Iterable[str]) -> str:
    return " ".join(f"{one};" for one in directives)


def _question(plan: FrontPlan) -> str:
    """Return how the server is asked: with the very request, but for its body, so that all that looks at a request looks at this one."""
    return f"""
location = /labyard-ask {{
  internal;
  proxy_pass http://jupyter$request_uri; proxy_method $request_method; proxy_pass_request_body off;
  proxy_set_header Content-Length ""; proxy_set_header Host $http_host; proxy_set_header Connection ""; proxy_set_header {ASKING_HEADER} {plan.secret};
  proxy_buffering on; proxy_buffer_size 8k; proxy_buffers 4 8k; proxy_busy_buffers_size 8k; proxy_read_timeout 30s;
  proxy_ignore_headers X-Accel-Redirect X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset Expires Cache-Control Set-Cookie Vary;
  # The answer says for how long it holds; one that says nothing is asked for anew each time.
  proxy_cache answers; proxy_cache_key "{_KEY}";
}}
"""


def _failures() -> str:
    """Return what is said where a tool does not answer. If nothing was sent to it yet, the server can find out why; otherwise nothing may be sent twice."""
    error = ToolUnreachableError("The tool", "it does not take connections, or closed this one")
    places = []
    for name, accept in (("json", "application/json"), ("page", "text/html")):
        kind, text = error_body(error, accept, refresh_seconds=None)
        quoted = text.replace("\\", "\\\\").replace("'", "\\'")
        answer = f"default_type '{kind}'; add_header Cache-Control no-store always; return {error.status_code} '{quoted}';"
        places.append(f"location @failed_{name} {{ {answer} }}")
    return "\n".join(places)
