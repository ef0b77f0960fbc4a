"""A real OpenID Connect provider that runs on this machine: the npm package `oidc-provider`, driven by `provider.mjs`.

Why this one stands in the documentation, in the page on testing.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.platform import wait_until
from tests.workers import free_port

__all__ = ["Person", "Provider", "start_provider"]

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / ".build"
CLIENT_ID = "labyard"
CLIENT_SECRET = "not +a% se:cret"  # signs that have to be encoded on the way
PASSWORD = "provider password"


@dataclass
class Person:
    """Somebody whom the provider knows.

    Attributes
    ----------
    sub
        What the provider never gives to anybody else.
    login
        What they type; what `preferred_username` says is in `claims`.
    """

    sub: str
    login: str
    claims: dict[str, Any] = field(default_factory=dict)
    disabled: bool = False
    password: str = PASSWORD

    @classmethod
    def of(cls, login: str, *groups: str, sub: str = "", **claims: Any) -> Person:
        told = {"preferred_username": login, "name": login.title(), "email": f"{login}@example.org", "email_verified": True}
        return cls(sub or f"sub-of-{login}", login, {**told, "groups": list(groups), **claims})


@dataclass
class Provider:
    """One that runs."""

    issuer: str
    port: int
    process: subprocess.Popen[str]
    people: dict[str, Person]
    log: list[str] = field(default_factory=list)

    def settings(self, **more: Any) -> dict[str, Any]:
        """Return the section `login` for it."""
        return {"provider": "oidc", "issuer": self.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **more}

    def change(self, login: str, *, groups: Sequence[str] | None = None, **values: Any) -> None:
        """Change somebody: their groups, or `disabled`."""
        person = self.people[login]
        if groups is not None:
            person.claims["groups"] = list(groups)
        for name, value in values.items():
            setattr(person, name, value)
        self.tell()

    def add(self, person: Person) -> None:
        self.people[person.login] = person
        self.tell()

    def tell(self) -> None:
        body = [vars(person) for person in self.people.values()]
        httpx.put(f"http://127.0.0.1:{self.port}/test/people", json=body, trust_env=False).raise_for_status()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def modules() -> tuple[list[str], Path]:
    """Return the command that runs Node.js, and the folder with the packages, installed where the lock has changed."""
    spec = importlib.util.spec_from_file_location("build_lab", HERE.parents[1] / "scripts" / "build_lab.py")
    assert spec is not None
    assert spec.loader is not None
    build_lab = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build_lab)
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "oidc.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        environment = build_lab._node_environment()  # the Node.js that the front end is built with
        digest = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
        folder = BUILD / f"oidc-{digest}"
        if not folder.is_dir():
            draft = BUILD / "oidc.new"  # killed, it is never taken for the whole
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, draft)
            command = [environment["LABYARD_NODE"], environment["LABYARD_NPM"], "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run([*command, "--loglevel=error"], cwd=draft, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            draft.rename(folder)
    return [environment["LABYARD_NODE"]], folder


@contextmanager
def start_provider(
    hub_url: str,
    *people: Person,
    port: int | None = None,
    ttl: dict[str, int] | None = None,
) -> Iterator[Provider]:
    """Start one for the hub that is at `hub_url` in browsers, and stop it at the end of the block.

    It is reached as `localhost`, so for a browser it is another site than a hub at `labyard.localhost`.
    """
    port = port or free_port()
    node, folder = modules()
    program = folder / f"provider-{os.getpid()}-{port}.mjs"  # Node.js looks for packages beside the program
    shutil.copy(HERE / "provider.mjs", program)
    given = {
        "issuer": f"http://localhost:{port}",
        "port": port,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uris": [f"{hub_url}oauth_callback"],
        "post_logout_redirect_uris": [f"{hub_url}logout"],
        "people": [vars(person) for person in people],
        "ttl": ttl or {},
    }
    process = subprocess.Popen([*node, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    running = Provider(given["issuer"], port, process, {person.login: person for person in people})
    reader = threading.Thread(target=_read, args=(running,), daemon=True)
    reader.start()
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(given) + "\n")
        process.stdin.flush()
        wait_until(lambda: "ready" in running.log or process.poll() is not None, "the provider", 60)
        assert process.poll() is None, running.log
        yield running
    finally:
        with contextlib.suppress(OSError):
            process.stdin.close()  # type: ignore[union-attr]
        if process.poll() is None:
            running.stop()
        reader.join(5)
        process.stdout.close()  # type: ignore[union-attr]
        program.unlink()


def _read(running: Provider) -> None:
    assert running.process.stdout is not None
    for line in running.process.stdout:
        running.log.append(line.rstrip())
