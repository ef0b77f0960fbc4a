"""Starts the server as a process of its own, and speaks to it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import httpx

__all__ = ["FakeKubernetes", "node"]

Item = dict[str, Any]
STOP_SECONDS = 20
CHECKOUT = Path(__file__).parent.parent.parent
"""Where `python -m tests.fake_kubernetes` finds itself."""


def node(
    name: str,
    *,
    labels: Mapping[str, str] | None = None,
    taints: Sequence[Mapping[str, str]] = (),
    resources: Mapping[str, str] | None = None,
) -> Item:
    """Return a node with so much of everything, such as ``{"cpu": "4"}``; what is not said is plenty."""
    allocatable = {"cpu": "8", "memory": "32Gi", "pods": "110", **(resources or {})}
    return {
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
        "spec": {"taints": [dict(taint) for taint in taints]}, "status": {"allocatable": allocatable, "capacity": allocatable},
    }  # fmt: skip


class FakeKubernetes:
    """A server that runs.

    Attributes
    ----------
    url
        Of the API.
    kubeconfig
        A file by which clients find it.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url, self.kubeconfig = folder, url, folder / "kubeconfig"
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=30)
        self.kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": url}}], "users": [{"name": "hub", "user": {"token": "hub"}}],
            "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "hub", "namespace": "default"}}],
        }))  # fmt: skip

    @classmethod
    @contextlib.contextmanager
    def started(
        cls, folder: Path, *, runtime: Literal["stub", "process"] = "stub", version: str = "1.36", network: str = "127.77"
    ) -> Iterator[Self]:
        """Start one that keeps its objects in `folder`, and stop it at the end of the block, with all pods' processes."""
        program = [sys.executable, "-m", "tests.fake_kubernetes"]
        options = [f"--folder={folder}", f"--runtime={runtime}", f"--version={version}", f"--network={network}"]
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen([*program, *options], cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout is not None  # it was asked for
        try:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError((folder / "log").read_text())
            running = cls(folder, json.loads(line)["url"])
            try:
                yield running
            finally:
                running._http.close()
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)
            process.stdout.close()

    def request(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """Send a request below the API's address."""
        return self._http.request(method, path, json=body, **options) if body is not None else self._http.request(method, path, **options)

    def create(self, item: Item, namespace: str = "") -> Item:
        """Create an object; it says itself what it is.

        Raises
        ------
        httpx.HTTPStatusError
            If it is refused.
        """
        made: Item = self._answer("POST", _path(item["apiVersion"], item["kind"], namespace), item)
        return made

    def create_namespace(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        """Create a namespace."""
        self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels or {})}})

    def pods(self, namespace: str) -> dict[str, Item]:
        """Return all pods of a namespace by name."""
        return self.items("pods", namespace)

    def items(self, plural: str, namespace: str) -> dict[str, Item]:
        """Return all objects of a kind of the core group by name."""
        items = self._answer("GET", f"/api/v1/namespaces/{namespace}/{plural}")["items"]
        return {item["metadata"]["name"]: item for item in items}

    def delete_pod(self, namespace: str, name: str, *, grace_seconds: int = 0) -> None:
        """Delete a pod."""
        self._answer("DELETE", f"/api/v1/namespaces/{namespace}/pods/{name}", {"gracePeriodSeconds": grace_seconds})

    def set_images(self, images: Mapping[str, Mapping[str, Any]]) -> None:
        """Say what the images of some patterns are; see `Image`."""
        self._answer("PUT", "/fake/images", images)

    def add_account(self, token: str, name: str, rules: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Let only tokens that were added do what their rules say; see `Account`."""
        self._answer("PUT", "/fake/accounts", {"token": token, "name": name, "rules": rules})
        self._http.headers["Authorization"] = "Bearer tests"
        if token != "tests":  # no password
            everything = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
            self._answer("PUT", "/fake/accounts", {"token": "tests", "name": "tests", "rules": {"": everything}})

    def kill(self, namespace: str, pod: str, reason: str = "OOMKilled", code: int = 137) -> None:
        """Let a pod's container end."""
        self._answer("POST", f"/fake/kill/{namespace}/{pod}", {"reason": reason, "code": code})

    def compact(self) -> None:
        """Forget what happened, so that open watches end with 410."""
        self._answer("POST", "/fake/compact")

    def _answer(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.request(method, path, body)
        if answer.is_error:
            raise httpx.HTTPStatusError(f"{answer.status_code}: {answer.text}", request=answer.request, response=answer)
        return answer.json() if answer.content else None


def _path(api_version: str, kind: str, namespace: str) -> str:
    plural = {"NetworkPolicy": "networkpolicies", "PriorityClass": "priorityclasses", "StorageClass": "storageclasses"}.get(
        kind, f"{kind.lower()}s"
    )
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    return f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"
