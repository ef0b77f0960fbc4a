"""The platform as on a cluster: the chart is rendered and its objects put into a fake Kubernetes; hub, service, agent and HAProxy run as its containers do.

Roles in the project `vision`: ada owns it, bob edits, carol looks, dan is nobody there.
"""

from __future__ import annotations

import base64
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx
import yaml

from labyard_hub.backends.haproxy.program import find_haproxy
from labyard_hub.config.state import StateFolder
from labyard_hub.storage.identity import IdentityStore
from tests.fake_kubernetes.handle import FakeKubernetes, node
from tests.fake_kubernetes.network import Endpoint, may_connect
from tests.fake_kubernetes.resources import RESOURCES
from tests.helm import chart
from tests.platform import Browserless, wait_until
from tests.workers import free_port, pod_network

PASSWORD = "correct horse battery"
PEOPLE = ("ada", "bob", "carol", "dan")
NAMESPACE = "team"
RELEASE = "test"
PROJECTS_CLAIM = "test-labyard-projects"

Item = dict[str, Any]
PROFILES = (
    {"name": "small", "title": "CPU small", "cpu_cores": 2, "memory_bytes": "4Gi", "cpu_guarantee_cores": 0.5, "memory_guarantee_bytes": "1Gi", "images": ["sklearn"]},
    {"name": "gpu", "title": "GPU", "cpu_cores": 4, "memory_bytes": "16Gi", "gpu": {"count": 1, "model": "A100"}, "node_selector": {"gpu": "a100"},
     "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}], "images": ["pytorch-cuda"]},
    {"name": "huge", "title": "Huge", "cpu_cores": 64, "memory_bytes": "8Gi", "cpu_guarantee_cores": 64, "images": ["sklearn"]},
    {"name": "missing", "title": "No such image", "cpu_cores": 1, "memory_bytes": "1Gi", "images": ["tensorflow"]},
)  # fmt: skip


def chart_values(**config: Any) -> dict[str, Any]:
    """Return the values that the chart is installed with; `config` is laid over its value of that name."""
    base = {
        "profiles": list(PROFILES), "images": {"prefix": "registry.example/labyard-", "tag": "1"}, "quotas": {"users": {"servers": 2}},
        "servers": {"isolation": "off"}, "environment": {"TEAM_MOTTO": "cost is $(NAME)"}, "cluster": {"schedule_timeout_seconds": 5},
    }  # fmt: skip
    return {"config": {**base, **config}, "rbac": {"clusterCapacity": True}, "scheduling": {"podPriority": {"enabled": True}}}


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
    policies: list[Item] = field(default_factory=list)
    parts: dict[str, Endpoint] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """What the chart has put into the configuration."""
        found: dict[str, Any] = yaml.safe_load((self.folder / "config.yaml").read_text())
        return found

    @property
    def state(self) -> StateFolder:
        return StateFolder(self.folder / "state")

    def start(self, name: str, *command: str) -> None:
        """Start a part of the platform, as its container does."""
        self.run(name, sys.executable, *command)

    def run(self, name: str, *argv: str) -> None:
        # As in pods, the service reads no file of the hub's.
        environment = (
            {**self.environment, "LABYARD_STATE_DIR": str(self.folder / "service-state")} if name == "service" else self.environment
        )
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(argv, env=environment, stdout=log, stderr=log, cwd="/")

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
        found: dict[str, Any] = self.sessions[name].hub_api("GET", f"users/{name}").json().get("servers", {}).get("", {})
        return found

    def wait_ready(self, name: str) -> dict[str, Any]:
        """Wait until the server of `name` is ready, and return its pod."""
        wait_until(lambda: self.server(name).get("ready"), f"the server of {name}", 60)
        pod = self.fake.pods(NAMESPACE)[f"server-{name}"]
        self.check_network(pod)
        return pod

    def check_network(self, pod: Item) -> None:
        """Hold what a cluster that enforces policies holds: the pod is reached by hub and proxy, reaches its platform, and no other pod reaches it."""
        server = Endpoint.of(pod, NAMESPACE)
        for part, there, back in (
            ("hub", 8888, 8081),
            ("proxy", 8888, None),
            ("service", None, 8000),
            ("mlflow", None, 5000),
            ("stranger", None, None),
        ):
            end = self.parts.get(part) or Endpoint("10.244.9.9", {}, NAMESPACE)
            for blocks in (False, True):
                assert may_connect(self.policies, end, server, 8888, blocks_match_pods=blocks) is (there is not None), part
                assert back is None or may_connect(self.policies, server, end, back, blocks_match_pods=blocks), part
        other = Endpoint("10.244.9.8", server.labels, NAMESPACE)
        assert not may_connect(self.policies, other, server, 8888, blocks_match_pods=True)

    def stop_server(self, name: str) -> None:
        answer = self.sessions[name].hub_api("DELETE", f"users/{name}/server")
        assert answer.status_code in (202, 204, 400), answer.text
        wait_until(lambda: not self.server(name) and f"server-{name}" not in self.fake.pods(NAMESPACE), f"{name} stopped", 60)


@contextlib.contextmanager
def start_cluster_world(
    folder: Path,
    values: Mapping[str, Any] | None = None,
    *,
    runtime: Literal["stub", "process"] = "stub",
    image: Mapping[str, str] | None = None,
) -> Iterator[ClusterWorld]:
    """Start all of it in `folder` and stop it at the end of the block; `image` has variables that say where things of the hub's image are."""
    installed = chart.objects(chart.render(dict(values or chart_values()), release=RELEASE, namespace=NAMESPACE))
    with FakeKubernetes.started(folder / "kubernetes", runtime=runtime, network=pod_network()) as fake:
        _furnish(fake, installed)
        world = ClusterWorld(folder, fake, *_environment(folder, fake, installed))
        world.environment.update(image or {})
        world.policies = chart.of_kind(installed, "NetworkPolicy")
        world.parts = {
            pod["metadata"]["labels"]["app.kubernetes.io/component"]: Endpoint.of(pod, NAMESPACE) for _, pod in chart.pods(installed)
        }
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


def _furnish(fake: FakeKubernetes, installed: list[Item]) -> None:
    """Make the namespace, the nodes, and what the chart makes of what the API knows; the hub gets the chart's rights and no others."""
    fake.create_namespace(NAMESPACE, {"pod-security.kubernetes.io/enforce": "restricted"})
    known = {(resource.kind, resource.api_version): resource for resource in RESOURCES}
    for item in installed:
        resource = known.get((item["kind"], item["apiVersion"]))
        if resource is not None:
            fake.create(item, NAMESPACE if resource.namespaced else "")
    fake.create(node("cpu-1"))
    taint = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
    fake.create(node("gpu-1", labels={"gpu": "a100"}, taints=[taint], resources={"cpu": "16", "memory": "64Gi", "nvidia.com/gpu": "2"}))
    fake.set_images({"*labyard-tensorflow:*": {"missing": True}})
    rules = {kind: [rule for one in chart.of_kind(installed, kind) for rule in one["rules"]] for kind in ("Role", "ClusterRole")}
    fake.add_account(
        "hub", f"system:serviceaccount:{NAMESPACE}:{RELEASE}-labyard-hub", {NAMESPACE: rules["Role"], "": rules["ClusterRole"]}
    )


def _environment(folder: Path, fake: FakeKubernetes, installed: list[Item]) -> tuple[dict[str, str], str]:
    """Return what the chart puts into its containers, with addresses of this machine, and the public address."""
    public, hub, service, api, admin = (free_port() for _ in range(5))
    secrets, projects = folder / "secrets", folder / "kubernetes" / "volumes" / NAMESPACE / PROJECTS_CLAIM
    for path in (secrets, folder / "proxy", projects):
        path.mkdir(parents=True)
    for name, text in next(
        one["data"] for one in chart.of_kind(installed, "Secret") if one["metadata"]["name"].endswith("-secrets")
    ).items():
        (secrets / name).write_bytes(base64.b64decode(text))
    configured = next(one["data"] for one in chart.of_kind(installed, "ConfigMap") if "config.yaml" in one["data"])
    (folder / "config.yaml").write_text(configured["config.yaml"])
    variables = {
        "LABYARD_PUBLIC_URL": f"http://labyard.localhost:{public}/", "LABYARD_ORIGINS": "separate", "LABYARD_HUB_URL": f"http://127.0.0.1:{hub}",
        "LABYARD_SERVICE_URL": f"http://127.0.0.1:{service}/services/labyard/", "LABYARD_MLFLOW_URL": "http://127.0.0.1:9/services/mlflow/",
        "LABYARD_PROXY_API_URL": f"http://127.0.0.1:{api}", "POD_NAMESPACE": NAMESPACE, "LABYARD_STATE_DIR": str(folder / "state"),
        "LABYARD_CONFIG": str(folder / "config.yaml"), "LABYARD_LIVE_CONFIG": str(folder / "config.yaml"), "LABYARD_SECRETS_DIR": str(secrets), "LABYARD_LISTEN": "127.0.0.1",
        "LABYARD_PROXY_DIR": str(folder / "proxy"), "LABYARD_PROXY_HTTP_PORT": str(public), "LABYARD_PROXY_API_PORT": str(api),
        "LABYARD_PROXY_ADMIN_PORT": str(admin), "LABYARD_PROXY_TLS_DIR": str(folder / "no-tls"), "LABYARD_PROJECTS_VOLUME": str(projects),
        "KUBECONFIG": str(fake.kubeconfig), "PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    return variables, variables["LABYARD_PUBLIC_URL"]


def _start(world: ClusterWorld) -> None:
    values = world.environment
    world.start("proxy-agent", "-m", "labyard_hub.cluster", "proxy-agent")
    configuration_file = Path(values["LABYARD_PROXY_DIR"], "haproxy.cfg")
    wait_until(configuration_file.exists, "the agent has written HAProxy's configuration", 60)
    world.run("proxy", str(find_haproxy()), "-W", "-db", "-f", str(configuration_file))
    world.start_hub()
    store = IdentityStore(world.state.identity_database)
    for name in PEOPLE:
        store.add_user(name, PASSWORD, admin=name == "ada")
    world.start("service", "-m", "labyard_hub.cluster", "service")
    world.wait_for("service", f"{values['LABYARD_SERVICE_URL']}api/v1/health")
    for name in PEOPLE:
        world.sign_in(name)
    world.make_project()
