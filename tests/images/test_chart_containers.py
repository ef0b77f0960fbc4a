"""Worth: what the chart renders runs, from the image, with the rights that it gives: hub, service, MLflow, route agent and HAProxy, one network, no cluster.

Each container of the rendered pods is started with its arguments, variables, mounts and security context; volumes belong to root and to the pod's group, as a cluster's do.
What is not as there: all share one network, so HAProxy listens on another port, and names are in a file. No server can be started, since there is no Kubernetes.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from engine import Engine, EngineError

from tests.helm import chart
from tests.images.conftest import Run
from tests.platform import is_root, wait_until

pytestmark = [
    pytest.mark.images,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not is_root(), reason="volumes that are root's take root to make"),
]

PROXY_PORT = 8010
ASK = """
import json, sys, urllib.error, urllib.request
url, headers = json.loads(sys.argv[1])
try:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
        print(json.dumps([answer.status, answer.read().decode(errors="replace")[:2000]]))
except urllib.error.HTTPError as error:
    print(json.dumps([error.code, ""]))
except OSError as error:
    print(json.dumps([0, str(error)]))
"""


@dataclass
class Pods:
    """What runs."""

    engine: Engine
    prefix: str
    secrets: dict[str, str]
    names: list[str]

    def ask(self, url: str, **headers: str) -> tuple[int, str]:
        """Ask from inside; status 0 where nobody answers."""
        done = self.engine.run("exec", f"{self.prefix}-net", "python", "-c", ASK, json.dumps([url, headers]))
        status, text = json.loads(done.stdout)
        return status, text

    def log(self, name: str) -> str:
        done = self.engine.run("logs", f"{self.prefix}-{name}")
        return done.stdout + done.stderr

    def is_up(self, name: str) -> bool:
        return bool(json.loads(self.engine.run("inspect", "--format", "{{json .State.Running}}", f"{self.prefix}-{name}").stdout))

    def answers(self, url: str) -> bool:
        down = [name for name in self.names if not self.is_up(name)]
        assert not down, f"{down[0]} ended: {self.log(down[0])[-3000:]}"
        return self.ask(url)[0] == 200


def lay(volume: dict[str, Any], owner: str, folder: Path, there: dict[tuple[str, str], chart.Object]) -> Path:
    """Make what a volume of a pod is, once, as a cluster would."""
    claim = volume.get("persistentVolumeClaim", {}).get("claimName")
    path = folder / (claim or f"{owner}-{volume['name']}")
    if path.exists():
        return path
    path.mkdir()
    if "configMap" in volume:
        for file, text in there["ConfigMap", volume["configMap"]["name"]]["data"].items():
            (path / file).write_text(text)
    elif "secret" in volume:
        data = there["Secret", volume["secret"]["secretName"]]["data"]
        for item in volume["secret"]["items"]:
            (path / item["path"]).write_bytes(base64.b64decode(data[item["key"]]))
            os.chown(path / item["path"], 0, 1000)
            (path / item["path"]).chmod(volume["secret"]["defaultMode"])
    else:
        os.chown(path, 0, 1000)
        path.chmod(0o2775 if claim else 0o2777)
    return path


def arguments(container: chart.Object, pod: chart.Object, mounts: dict[str, Path]) -> list[str]:
    """Return what the engine is told, so that the container is as the pod says."""
    security, outer = container["securityContext"], pod["spec"]["securityContext"]
    assert security == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
    found = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", f"--user={outer['runAsUser']}:{outer['runAsGroup']}"]
    found += [f"--env={one['name']}={one.get('value', 'lab')}" for one in container.get("env", [])]
    for mount in container["volumeMounts"]:
        source = mounts[mount["name"]] / mount.get("subPath", "")
        found.append(f"--volume={source}:{mount['mountPath']}{':ro' if mount.get('readOnly') else ''}")
    return found


@pytest.fixture(scope="module")
def pods(engine: Engine, built: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pods]:
    folder = tmp_path_factory.mktemp("pods")
    name, _, tag = built("hub").rpartition(":")
    found = chart.objects(chart.render({"hub": {"image": {"name": name, "tag": tag}}}))
    there = {(one["kind"], one["metadata"]["name"]): one for one in found}
    secrets = {key: base64.b64decode(value).decode() for key, value in there["Secret", "labyard-secrets"]["data"].items()}
    running = Pods(engine, f"labyard-chart-{os.getpid()}", secrets, [])
    hosts = folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost {' '.join(one['metadata']['name'] for one in chart.of_kind(found, 'Service'))}\n")
    inside = f"--volume={hosts}:/etc/hosts:ro"
    try:
        engine.run("run", "--detach", f"--name={running.prefix}-net", "--network=none", inside, built("hub"), "sleep", "infinity")
        for title, pod in chart.pods(found):
            volumes = {volume["name"]: lay(volume, title.partition(" ")[2], folder, there) for volume in pod["spec"]["volumes"]}
            for container in chart.containers(pod):
                if container["name"] == "haproxy":  # the agent's startup probe holds it back there
                    wait_until(
                        lambda run=volumes["run"]: not running.is_up("agent") or (run / "haproxy.cfg").exists(),
                        "HAProxy's configuration",
                        120,
                    )
                    assert running.is_up("agent"), running.log("agent")
                if title.startswith("Job"):  # it reads the settings and ends, before the others
                    engine.run("run", "--rm", "--network=none", *arguments(container, pod, volumes), container["image"], *container["args"])
                    continue
                special = [f"--env=LABYARD_PROXY_HTTP_PORT={PROXY_PORT}"] if container["name"] == "agent" else []
                engine.run(
                    "run", "--detach", f"--name={running.prefix}-{container['name']}", f"--network=container:{running.prefix}-net", inside,
                    *arguments(container, pod, volumes), *special, container["image"], *container["args"],
                )  # fmt: skip
                running.names.append(container["name"])
        yield running
    finally:
        for one in [*running.names, "net"]:
            with suppress(EngineError):
                engine.run("rm", "--force", "--time=1" if engine.program == "podman" else "--volumes", f"{running.prefix}-{one}")


def test_everything_starts_and_the_proxy_leads_everywhere(pods: Pods) -> None:
    assert sorted(pods.names) == ["agent", "haproxy", "hub", "mlflow", "service"]
    outside = f"http://127.0.0.1:{PROXY_PORT}"
    for url in (
        "http://labyard-hub:8081/hub/health", "http://labyard-service:8000/services/labyard/api/v1/health", "http://labyard-mlflow:5000/services/mlflow/health",
        "http://labyard-proxy-api:8001/health", "http://labyard-proxy-api:8001/ready",
        f"{outside}/hub/login", f"{outside}/services/labyard/api/v1/health", f"{outside}/services/mlflow/health",
    ):  # fmt: skip
        wait_until(lambda url=url: pods.answers(url), url, 240)


def test_the_link_for_the_administrator_is_in_the_hubs_log(pods: Pods) -> None:
    link = wait_until(lambda: re.search(r"http://labyard\.localhost:8000(/hub/setup\?token=\S+)", pods.log("hub")), "the link", 120)
    wait_until(lambda: pods.answers(f"http://127.0.0.1:{PROXY_PORT}/hub/login"), "the hub behind its proxy", 120)
    status, page = pods.ask(f"http://127.0.0.1:{PROXY_PORT}{link[1]}")
    assert status == 200
    assert "administrator" in page.lower() or "password" in page.lower()


def test_browsers_get_jupyterlab_s_files_from_the_service(pods: Pods, run: Run) -> None:
    version = run("hub", "ls", "/opt/labyard/assets").strip()
    address = f"http://127.0.0.1:{PROXY_PORT}/services/labyard/assets/{version}/start.json"
    wait_until(lambda: pods.answers(address), "what browsers load ahead", 240)
    assert pods.ask(address.replace(version, "0" * 16))[0] == 404


def test_metrics_open_with_their_own_token_alone(pods: Pods) -> None:
    wait_until(lambda: pods.answers("http://labyard-hub:8081/hub/health"), "the hub", 240)
    assert pods.ask("http://labyard-hub:8081/hub/metrics")[0] == 403
    token = {"Authorization": f"token {pods.secrets['metrics_token']}"}
    assert pods.ask("http://labyard-hub:8081/hub/metrics", **token)[0] == 200
    assert pods.ask("http://labyard-hub:8081/hub/api/users", **token)[0] == 403


def test_routes_are_the_hubs_alone(pods: Pods) -> None:
    wait_until(lambda: pods.answers("http://labyard-proxy-api:8001/health"), "the agent", 120)
    assert pods.ask("http://labyard-proxy-api:8001/api/routes")[0] == 403
    token = {"Authorization": f"token {pods.secrets['proxy_api_password']}"}
    assert pods.ask("http://labyard-proxy-api:8001/api/routes", **token)[0] == 200
