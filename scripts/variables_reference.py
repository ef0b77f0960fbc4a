"""The page of environment variables, `docs/reference/variables.md`: what each means, and which modules set or read it."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLACES = ("src", "hub/src", "extensions/lab/labyard_lab", "helm/labyard/templates", "images/base")
PORTS = ("LABYARD_PROXY_HTTP_PORT", "LABYARD_PROXY_HTTPS_PORT", "LABYARD_PROXY_ADMIN_PORT")
NAME = re.compile(r"\bLABYARD_[A-Z_]*[A-Z]\b")


@dataclass(frozen=True)
class Group:
    """Variables that one side sets for another."""

    title: str
    text: str
    meanings: dict[str, str]


GROUPS = (
    Group("Users", "You set these for the command line and the Python client.", {
        "LABYARD_URL": "Address of the platform; default: the one of the last `labyard login`",
        "LABYARD_TOKEN": "Token to use instead of the stored login",
    }),
    Group("Operators", "You set these for `labyard up`, or the chart does from a Secret.", {
        "LABYARD_STATE_DIR": "State folder",
        "LABYARD_LOGIN_CLIENT_SECRET": "Client secret of the identity provider, in place of `login.client_secret`",
    }),
    Group("Chart", "The chart sets these in the platform's own pods.", {
        "LABYARD_CONFIG": "Configuration file",
        "LABYARD_CONFIG_TEXT": "Text of the configuration file that the check before an upgrade reads",
        "LABYARD_LIVE_CONFIG": "Configuration file whose changes the hub takes up without a restart",
        "LABYARD_HUB_FILES": "Folder with Python files that JupyterHub reads after Labyard's configuration",
        "LABYARD_SECRETS_DIR": "Folder of the mounted Secret",
        "LABYARD_RELEASE": "Name of the Helm release; commands in such a pod know by it that the platform runs",
        "LABYARD_DEBUG": "Set: detailed logs",
        "LABYARD_LISTEN": "Address to listen on; default: every address",
        "LABYARD_PUBLIC_URL": "Address that browsers use",
        "LABYARD_HUB_URL": "Address of the hub inside the cluster",
        "LABYARD_PROXY_API_URL": "Address of the route agent's API",
        "LABYARD_DATABASE_URL": "PostgreSQL database of the labyard service",
        "LABYARD_HUB_DATABASE_URL": "PostgreSQL database of the hub",
        "LABYARD_MLFLOW_DATABASE_URL": "PostgreSQL database of MLflow",
        "LABYARD_MLFLOW_ARTIFACTS": "URL of MLflow's artifact store; default: a folder",
        "LABYARD_MLFLOW_PYTHON": "Interpreter of MLflow's environment",
        "LABYARD_PROJECTS_VOLUME": "Where the volume of projects is mounted",
        "LABYARD_PROXY_DIR": "Folder of HAProxy's configuration, routes and sockets",
        "LABYARD_PROXY_TLS_DIR": "Folder with `tls.crt` and `tls.key`",
        "LABYARD_PROXY_HTTP_PORT": "Port of HTTP",
        "LABYARD_PROXY_HTTPS_PORT": "Port of HTTPS",
        "LABYARD_PROXY_ADMIN_PORT": "Port that answers 200 once HAProxy is ready",
        "LABYARD_PROXY_API_PORT": "Port of the route agent's API",
        "LABYARD_PROXY_THREADS": "Threads of HAProxy",
        "LABYARD_PROXY_TRUSTED": "Networks of an ingress whose `X-Forwarded-For` counts",
        "LABYARD_PROXY_SOFT_STOP_SECONDS": "How long HAProxy waits for open requests when it stops",
    }),
    Group("Platform's processes", "`labyard up`, or the container's program, sets these for the service, MLflow and the proxy.", {
        "LABYARD_ORIGIN": "Origin of the hub's pages",
        "LABYARD_ORIGINS": "`separate` or `shared`, as `listen.origins`",
        "LABYARD_ASSETS_DIR": "Folder with what browsers load of JupyterLab",
        "LABYARD_SERVICE_HOST": "Address that the labyard service listens on",
        "LABYARD_SERVICE_PORT": "Port of the labyard service",
        "LABYARD_LOGIN_PATH": "Path of the service's sign-in, for pages of MLflow",
        "LABYARD_SESSION_COOKIE": "Name of the session cookie",
        "LABYARD_MLFLOW_FOLDER": "Folder of MLflow's database and artifacts",
        "LABYARD_MLFLOW_HOST": "Address that MLflow listens on",
        "LABYARD_MLFLOW_PORT": "Port of MLflow",
        "LABYARD_MLFLOW_PREFIX": "Path below which MLflow is served",
        "LABYARD_MLFLOW_WORKERS": "Number of MLflow's processes",
        "LABYARD_CONFIGURATION": "Digest of HAProxy's configuration, so that a change restarts it",
    }),
    Group("Servers", "The hub, or the image, sets these for each single-user server. Tools and kernels inherit them.", {
        "LABYARD_SERVICE_URL": "Address of the labyard service",
        "LABYARD_MLFLOW_URL": "Address of MLflow",
        "LABYARD_MLFLOW_TOKEN": "Token of the server for MLflow",
        "LABYARD_PROJECT": "Identifier of the project whose server this is",
        "LABYARD_PROJECTS_DIR": "Folder that contains the projects' folders",
        "LABYARD_PROJECT_LINKS": "JSON: names of the mounted projects, with their identifiers",
        "LABYARD_TOOLS_FILE": "JSON file with the platform's tools",
        "LABYARD_USER_TOOLS": "`0`: users may not add their own tools",
        "LABYARD_TOOL_DATA_DIR": "Folder of the tools' data",
        "LABYARD_LABEL_STUDIO_TEMPLATE": "Empty database that Label Studio starts from",
        "LABYARD_PAGE": "JSON: addresses of the shared files of JupyterLab",
        "LABYARD_PAGE_FILE": "File with the same",
        "LABYARD_ISOLATED": "`1`: other accounts use the same machine, so kernels offer no debugger, which listens on a port",
        "LABYARD_PROFILE": "Title of the profile",
        "LABYARD_GPUS": "The server's GPUs, as in `CUDA_VISIBLE_DEVICES`",
        "LABYARD_SESSION_ENDS_AT": "Instant at which the hub stops the server",
        "LABYARD_SAFE_START": "Set: start without the user's extensions and settings",
        "LABYARD_HUB_AWAY_SECONDS": "As `servers.hub_away_seconds`",
    }),
    Group("Tools and kernels", "Labyard's server extension or client sets these.", {
        "LABYARD_USER": "User name that Label Studio signs in",
        "LABYARD_TOOL_PORT": "Port of a tool that a package offers",
        "LABYARD_MLFLOW_WORKSPACE": "Mark of the workspace that a kernel follows",
    }),
)  # fmt: skip


def variables_page(note: str) -> str:
    """Return the page.

    Raises
    ------
    SystemExit
        If the code has a variable that no group explains, or a group one that the code does not have.
    """
    used = _modules()
    known = {name for group in GROUPS for name in group.meanings}
    if wrong := sorted(known ^ used.keys()):
        raise SystemExit(f"scripts/variables_reference.py and the code disagree about {', '.join(wrong)}: explain it there, or take it out")
    parts = [
        f"# Environment variables\n\n{note}\nLabyard's processes tell one another what they need by these. Servers get more from JupyterHub, as `JUPYTERHUB_USER`.\n"
    ]
    for group in GROUPS:
        rows = [f"| `{name}` | {meaning} | {', '.join(f'`{one}`' for one in used[name])} |" for name, meaning in group.meanings.items()]
        parts.append(
            f"## {group.title}\n\n{group.text}\n\n| variable | meaning | set or read in |\n|---|---|---|\n" + "\n".join(rows) + "\n"
        )
    return "\n".join(parts)


def _modules() -> dict[str, list[str]]:
    """Return the files that name each variable, by their last two parts."""
    listed = subprocess.run(["git", "ls-files", *PLACES], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    found: dict[str, set[str]] = {}
    for path in (ROOT / name for name in listed):
        if path.is_file() and (path.suffix in {".py", ".yaml", ".tpl"} or path.name == "Containerfile"):
            text = path.read_text().replace("LABYARD_PROXY_{name}_PORT", " ".join(PORTS))
            for name in NAME.findall(text):
                found.setdefault(name, set()).add("/".join(path.parts[-2:]))
    return {name: sorted(files) for name, files in sorted(found.items())}
