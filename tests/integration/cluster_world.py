"""The platform as on a cluster: hub, service and proxy as the chart starts them, pods on a fake Kubernetes, a project with three members.

Roles in the project `vision`: ada owns it, bob edits, carol looks, dan is nobody there.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx
import yaml

from labyard_hub.config.state import StateFolder
from labyard_hub.storage.identity import IdentityStore
from labyard_hub.testing.fake_kubernetes.handle import FakeKubernetes, node
from tests.platform import Browserless, wait_until
from tests.workers import free_port

PASSWORD = "correct horse battery"
PEOPLE = ("ada", "bob", "carol", "dan")
NAMESPACE = "team"
SECRETS = ("cookie_secret", "service_token", "cli_login_token", "mlflow_token", "culler_token", "cli_token", "service_cookie_secret", "link_secret", "proxy_api_password")  # fmt: skip
PROFILES = (
    {"name": "small", "title": "CPU small", "cpu_cores": 2, "memory_bytes": "4Gi", "cpu_guarantee_cores": 0.5, "memory_guarantee_bytes": "1Gi", "images": ["sklearn"]},
    {"name": "gpu", "title": "GPU", "cpu_cores": 4, "memory_bytes": "16Gi", "gpu": {"count": 1, "model": "A100"}, "node_selector": {"gpu": "a100"},
     "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}], "images": ["pytorch-cuda"]},
    {"name": "huge", "title": "Huge", "cpu_cores": 64, "memory_bytes": "8Gi", "cpu_guarantee_cores": 64, "images": ["sklearn"]},
    {"name": "missing", "title": "No such image", "cpu_cores": 1, "memory_bytes": "1Gi", "images": ["tensorflow"]},
)  # fmt: skip
HUB_RULES = (
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "create", "delete"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["get", "list", "watch", "create", "delete"]},
)
CLUSTER_RULES = ({"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list"]},)


def configuration(**changes: Any) -> dict[str, Any]:
    """Return the application's settings, as the chart's value `config`."""
    cluster = {
        "instance": "test", "service_account": "labyard-singleuser", "projects_claim": "labyard-projects",
        "schedule_timeout_seconds": 5, "pods": {"priority_class": "labyard-user"},
    }  # fmt: skip
    base = {
        "cluster": cluster,
        "profiles": list(PROFILES),
        "images": {"prefix": "registry.example/labyard-", "tag": "1"},
        "quotas": {"users": {"servers": 2}},
        "servers": {"isolation": "off"},
        "environment": {"TEAM_MOTTO": "cost is $(NAME)"},
    }
    return {**base, **changes}


@dataclass
class ClusterWorld:
    """What runs."""

    folder: Path
    fake: FakeKubernetes
    environment: dict[str, str]
    url: str
    sessions: dict[str, Browserless] = field(default_factory=dict)
    project: str = ""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def state(self) -> StateFolder:
        return StateFolder(self.folder / "state")

    def start(self, name: str, *command: str) -> None:
        """Start a process of the platform."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *command], env=self.environment, stdout=log, stderr=log, cwd=Path(__file__).parents[2]
            )

    def start_hub(self) -> None:
        self.start("hub", "-m", "labyard_hub.cluster", "hub")
        self.wait_for("hub", f"{self.environment['LABYARD_HUB_URL']}/hub/health")
        wait_until(lambda: self.answers(f"{self.url}hub/login"), "the hub behind its proxy", 60)

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait(20)

    def wait_for(self, name: str, url: str) -> None:
        def ready() -> bool:
            assert self.processes[name].poll() is None, self.log(name)
            return self.answers(url)

        wait_until(ready, name, 90)

    @staticmethod
    def answers(url: str) -> bool:
        try:
            return httpx.get(url, trust_env=False, timeout=10).status_code == 200
        except httpx.HTTPError:
            return False

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def sign_in(self, name: str) -> Browserless:
        session = self.sessions[name] = Browserless(self.url)
        session.sign_in(name, PASSWORD)
        return session

    def call(self, name: str, method: str, path: str, status: int = 200, body: Any = None) -> Any:
        """Ask the labyard service as `name`."""
        token = self.sessions[name].token(name)
        answer = httpx.request(
            method,
            f"{self.url}services/labyard/api/v1/{path}",
            json=body,
            headers={"Authorization": f"token {token}"},
            trust_env=False,
            timeout=30,
        )
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def make_project(self) -> None:
        self.project = self.call("ada", "POST", "projects", 201, {"name": "vision"})["id"]
        for name, role in (("bob", "editor"), ("carol", "viewer")):
            self.call("ada", "POST", "projects/vision/members", 201, {"user": name, "role": role})

    def press_start(self, name: str, profile: str, **form: str) -> httpx.Response:
        """Send the start page's form, as its button does."""
        session = self.sessions[name]
        page = session.http.get(f"hub/spawn/{name}")
        assert "<form" in page.text, page.text
        return session.http.post(f"hub/spawn/{name}", data={"profile": profile, "_xsrf": session.xsrf, **form})

    def server(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.sessions[name].hub_api("GET", f"users/{name}").json()["servers"].get("", {})
        return found

    def wait_ready(self, name: str) -> dict[str, Any]:
        """Wait until the server of `name` is ready, and return its pod."""
        wait_until(lambda: self.server(name).get("ready"), f"the server of {name}", 60)
        return self.fake.pods(NAMESPACE)[f"server-{name}"]

    def stop_server(self, name: str) -> None:
        answer = self.sessions[name].hub_api("DELETE", f"users/{name}/server")
        assert answer.status_code in (202, 204, 400), answer.text
        wait_until(lambda: not self.server(name) and f"server-{name}" not in self.fake.pods(NAMESPACE), f"{name} stopped", 60)


@contextlib.contextmanager
def start_cluster_world(
    folder: Path, settings: Mapping[str, Any] | None = None, *, runtime: Literal["stub", "process"] = "stub", network: str = "127.77"
) -> Iterator[ClusterWorld]:
    """Start all of it in `folder` and stop it at the end of the block."""
    with FakeKubernetes.started(folder / "kubernetes", runtime=runtime, network=network) as fake:
        _furnish(fake)
        world = ClusterWorld(folder, fake, *_environment(folder, fake, settings or configuration()))
        try:
            _start(world)
            yield world
        finally:
            for session in world.sessions.values():
                session.http.close()
            for process in world.processes.values():
                process.terminate()
            for process in world.processes.values():
                process.wait(30)


def _furnish(fake: FakeKubernetes) -> None:
    """Make what the chart, and who installs it, make."""
    fake.create_namespace(NAMESPACE, {"pod-security.kubernetes.io/enforce": "restricted"})
    fake.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "labyard-singleuser"}}, NAMESPACE)
    priority = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "labyard-user"}, "value": 0}
    fake.create(priority)
    claim = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "100Gi"}}}
    fake.create({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "labyard-projects"}, "spec": claim}, NAMESPACE)
    fake.create(node("cpu-1"))
    taint = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
    fake.create(node("gpu-1", labels={"gpu": "a100"}, taints=[taint], resources={"cpu": "16", "memory": "64Gi", "nvidia.com/gpu": "2"}))
    fake.set_images({"*labyard-tensorflow:*": {"missing": True}})
    fake.add_account("hub", f"system:serviceaccount:{NAMESPACE}:hub", {NAMESPACE: HUB_RULES, "": CLUSTER_RULES})


def _environment(folder: Path, fake: FakeKubernetes, settings: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """Return what the chart puts into its containers, and the public address."""
    public, hub, service, api = (free_port() for _ in range(4))
    secrets, projects = folder / "secrets", folder / "kubernetes" / "volumes" / NAMESPACE / "labyard-projects"
    secrets.mkdir()
    projects.mkdir(parents=True, exist_ok=True)
    for name in SECRETS:
        (secrets / name).write_text(os.urandom(32).hex())
    (folder / "config.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(settings))))
    variables = {
        "LABYARD_PUBLIC_URL": f"http://127.0.0.1:{public}/", "LABYARD_HUB_URL": f"http://127.0.0.1:{hub}",
        "LABYARD_SERVICE_URL": f"http://127.0.0.1:{service}/services/labyard/", "LABYARD_MLFLOW_URL": "http://127.0.0.1:9/services/mlflow/",
        "LABYARD_PROXY_API_URL": f"http://127.0.0.1:{api}", "POD_NAMESPACE": NAMESPACE, "LABYARD_STATE_DIR": str(folder / "state"),
        "LABYARD_CONFIG": str(folder / "config.yaml"), "LABYARD_SECRETS_DIR": str(secrets), "LABYARD_LISTEN": "127.0.0.1",
        "LABYARD_PROJECTS_VOLUME": str(projects), "KUBECONFIG": str(fake.kubeconfig), "PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    return variables, variables["LABYARD_PUBLIC_URL"]


def _start(world: ClusterWorld) -> None:
    values = world.environment
    token = Path(values["LABYARD_SECRETS_DIR"], "proxy_api_password").read_text()
    ports = [values[name].rstrip("/").rpartition(":")[2] for name in ("LABYARD_PUBLIC_URL", "LABYARD_PROXY_API_URL")]
    world.start("proxy", "-m", "tests.integration.cluster_proxy", *ports, token, f"/services/labyard={values['LABYARD_SERVICE_URL']}")
    world.start_hub()
    store = IdentityStore(world.state.identity_database)
    for name in PEOPLE:
        store.add_user(name, PASSWORD, admin=name == "ada")
    world.start("service", "-m", "labyard_hub.cluster", "service")
    world.wait_for("service", f"{values['LABYARD_SERVICE_URL']}api/v1/health")
    for name in PEOPLE:
        world.sign_in(name)
    world.make_project()
