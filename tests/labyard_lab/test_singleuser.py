"""`labyard-singleuser`: which imports it spares, and that a forked one keeps nothing of the environment that it was imported in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from labyard_hub.backends.local.server_fork import is_own

NEVER_USED = ("alembic", "jupyterhub.app", "jupyterhub.handlers", "lark", "rich", "sqlalchemy.engine")

LIGHT = """
import json, sys
from labyard_lab.light_imports import lighten_imports
lighten_imports()
import jupyterhub.singleuser.extension, jupyter_server.serverapp, jupyterlab.labapp
before = sorted(sys.modules)
{then}
print(json.dumps([before, result]))
"""


def run(program: str, **environment: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error::ImportWarning", "-c", program], env={"PATH": os.environ["PATH"], "HOME": "/", **environment},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def light(then: str) -> Any:
    return run(LIGHT.format(then=then))


def test_what_a_server_never_uses_is_not_imported() -> None:
    imported, _ = light("result = None")
    assert [name for name in imported if name in NEVER_USED] == []
    stock = run("import json, sys, jupyterhub.singleuser.extension, jupyterlab.labapp; print(json.dumps(sorted(sys.modules)))")
    assert set(NEVER_USED) - {"jupyterhub.app"} <= set(stock), "there is less to spare than there was"


@pytest.mark.parametrize(
    ("then", "result"),
    [
        ("from rfc3987_syntax import is_valid_syntax; result = [is_valid_syntax('iri', 'http://a/é'), is_valid_syntax('iri', 'é é')]", [True, False]),
        ("import jsonschema; result = jsonschema.FormatChecker().conforms('no iri', 'iri')", False),
        ("import jupyterhub.scopes as s; result = s.orm.User.__tablename__", "users"),
        ("from jupyterhub import orm, roles; result = [orm.Base.__name__, roles.get_default_roles()[0]['name']]", ["Base", "user"]),
        ("import sqlalchemy.orm, sqlalchemy as sa; result = [sa.select.__name__, sqlalchemy.exc.SQLAlchemyError.__name__]", ["select", "SQLAlchemyError"]),
        ("from jupyterhub.handlers.pages import HealthCheckHandler; import jupyterhub.app; result = HealthCheckHandler.__module__", "jupyterhub.handlers.pages"),
        ("import httpx; result = httpx.main.__name__", "main"),
    ],
)  # fmt: skip
def test_and_is_there_for_whoever_wants_it(then: str, result: Any) -> None:
    assert light(then)[1] == result


def test_other_versions_are_imported_whole() -> None:
    """A JupyterHub whose log wants more of the pages than we know of."""
    program = """
import json, sys
from labyard_lab import light_imports
pages = "jupyterhub.handlers.pages"
light_imports._import_without("jupyterhub.log", {"jupyterhub.handlers": light_imports._empty("jupyterhub.handlers"), pages: light_imports._empty(pages, "SomethingElse")})
import jupyterhub.log
print(json.dumps([jupyterhub.log.HealthCheckHandler.__module__, "jupyterhub.orm" in sys.modules]))
"""
    assert run(program) == ["jupyterhub.handlers.pages", True]


def test_node_is_not_run_to_import_jupyterlab() -> None:
    program = """
import json, subprocess
from labyard_lab.light_imports import import_jupyterlab, lighten_imports
started = []
begin = subprocess.Popen.__init__
subprocess.Popen.__init__ = lambda self, command, *args, **kwargs: (started.append([str(word) for word in command]), begin(self, command, *args, **kwargs))[1]
lighten_imports()
{jupyterlab}
import jupyterlab.labapp, jupyterlab.commands
print(json.dumps([started, jupyterlab.commands._yarn_config.__name__]))
"""
    assert run(program.format(jupyterlab="import_jupyterlab()")) == [[], "_yarn_config"]
    if shutil.which("node"):
        stock, _ = run(program.format(jupyterlab=""))
        assert any("yarn" in word for command in stock for word in command), "there is less to spare than there was"


FORK = """
import gc, json, os, sys, types
from labyard_lab import singleuser
singleuser.preload()
tasks = len(os.listdir("/proc/self/task"))
os.environ.update({environment!r})
del os.environ["EARLY_ONLY"]
singleuser.forget_home()
import jupyterhub.singleuser, jupyterlab.labapp, notebook.app
found = set()
for one in gc.get_objects():
    if one is os.environ or one is os.environ._data or one is sys.argv:
        continue
    values = [one] if isinstance(one, str) else list(one.values()) if isinstance(one, dict) else list(one) if isinstance(one, (list, tuple, set)) else []
    for value in values:
        text = value.decode(errors="replace") if isinstance(value, bytes) else value
        if isinstance(text, str) and {sentinel!r} in text:
            found.add(text)
print(json.dumps([sorted(found), tasks]))
"""


def test_a_forked_server_keeps_nothing_of_the_environment_it_was_imported_in() -> None:
    """Whatever a new version of Jupyter keeps at import shows up here: take its module out of `PRELOADED`, or make it good in `main`."""
    sentinel = "an-early-value"
    early = {
        "HOME": f"/{sentinel}", "USER": sentinel, "LOGNAME": sentinel, "JUPYTERHUB_API_URL": f"http://{sentinel}", "JUPYTERHUB_SERVICE_PREFIX": f"/{sentinel}/",
        "JUPYTERHUB_USER": sentinel, "JUPYTER_RUNTIME_DIR": f"/{sentinel}", "XDG_RUNTIME_DIR": f"/{sentinel}", "JUPYTER_CONFIG_PATH": f"/{sentinel}",
        "JUPYTER_PATH": f"/{sentinel}", "JUPYTERHUB_API_TOKEN": sentinel, "EARLY_ONLY": sentinel,
    }  # fmt: skip
    assert [name for name in early if not is_own(name)] == ["EARLY_ONLY"], "the fork server lets them differ"
    late = {name: value.replace(sentinel, "late") for name, value in early.items() if name != "EARLY_ONLY"}
    program = FORK.format(environment=late, sentinel=sentinel).replace(repr(sentinel), "'-'.join(['an', 'early', 'value'])")
    kept, tasks = run(program, **early)
    assert [text for text in kept if text != sentinel or text not in _wsgi_snapshot(early)] == []
    assert tasks == 1, "an import starts a thread, so nothing can be forked"


def _wsgi_snapshot(early: dict[str, str]) -> set[str]:
    """`wsgiref` keeps a copy of the environment, which nobody uses; the fork server's holds no secret."""
    return set(early.values())


@pytest.mark.parametrize(
    ("name", "folder"),
    [("", "lab/workspaces"), ("gpu", "lab/servers/server-gpu/workspaces"), ("../é /", "lab/servers/server-..%2F%C3%A9%20%2F/workspaces")],
)
def test_a_named_server_has_its_own_workspaces(name: str, folder: str, tmp_path: Path) -> None:
    """JupyterLab reads where they are when it is imported, which `main` does next."""
    then = "import jupyterlab.labapp as lab; print(json.dumps(lab.LabApp.workspaces_dir.default_value))"
    program = f"import json; from labyard_lab import singleuser; singleuser.separate_workspaces(); {then}"
    assert run(program, HOME=str(tmp_path), JUPYTERHUB_SERVER_NAME=name) == f"{tmp_path}/.jupyter/{folder}"
