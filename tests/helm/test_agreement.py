"""Worth: what the chart says of ports, variables, secrets and labels is what the hub's own code does with it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from traitlets.config import Config

from labyard_hub.backends.haproxy.program import find_haproxy
from labyard_hub.backends.kubernetes.pod import PORT
from labyard_hub.cluster.state import prepare_state
from labyard_hub.hub_process.pods.config import configure_from_environment
from labyard_hub.proxy_agent.__main__ import API_PORT, HTTP_PORT, HTTPS_PORT, TLS_FOLDER, prepare
from tests.certificates import make_certificate
from tests.helm import chart
from tests.helm.containers import container, environment
from tests.helm.people import pods_of

everywhere = pytest.mark.parametrize("name", chart.NAMES)


@everywhere
def test_the_hub_is_configured_by_what_the_chart_gives_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = environment(chart.objects_of(name), "hub", tmp_path)
    monkeypatch.setenv("LABYARD_LOGIN_CLIENT_SECRET", values.get("LABYARD_LOGIN_CLIENT_SECRET", ""))
    mounted = {path.name for path in (tmp_path / "secrets").iterdir()}
    prepare_state(values)
    c: Any = Config()
    files = configure_from_environment(c, values)
    assert {path.name for path in (tmp_path / "secrets").iterdir()} == mounted, "a secret that the chart does not mount was made up"
    assert [file.name for file in files] == (["10-limits.py"] if name == "everything" else [])
    _, hub = container(chart.objects_of(name), "hub")
    assert urlsplit(c.JupyterHub.hub_bind_url).port == hub["ports"][0]["containerPort"]
    assert c.JupyterHub.hub_connect_url == values["LABYARD_HUB_URL"]
    assert c.JupyterHub.db_url.startswith("postgresql+psycopg2://labyard@" if chart.read_values(name).get("database") else "sqlite:///")
    assert c.ConfigurableHTTPProxy.auth_token == "5e" * 32
    assert {service["name"] for service in c.JupyterHub.services} >= {"labyard", "mlflow", "metrics"}


@everywhere
def test_policies_know_the_pods_that_the_spawner_makes(name: str, tmp_path: Path) -> None:
    _, configuration = prepare_state(environment(chart.objects_of(name), "hub", tmp_path))
    cluster = configuration.settings.cluster
    assert cluster is not None
    labels = pods_of(name, "ada")["ada"]["metadata"]["labels"]
    found = chart.objects_of(name)
    policy = next(
        one for one in chart.of_kind(found, "NetworkPolicy") if one["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    )
    assert policy["metadata"]["name"].endswith("-singleuser-server")
    assert PORT in [port["port"] for port in policy["spec"]["ingress"][0]["ports"]]
    accounts = {one["metadata"]["name"] for one in chart.of_kind(found, "ServiceAccount")}
    assert cluster.service_account in accounts
    claims = {one["metadata"]["name"] for one in chart.of_kind(found, "PersistentVolumeClaim")}
    assert cluster.projects_claim is None or cluster.projects_claim in claims
    classes = {one["metadata"]["name"] for one in chart.of_kind(found, "PriorityClass")}
    assert cluster.pods.priority_class is None or cluster.pods.priority_class in classes
    assert cluster.show_capacity is bool(chart.of_kind(found, "ClusterRole"))


@everywhere
@pytest.mark.parametrize("deployment", ["service", "mlflow"])
def test_the_other_programs_find_what_they_need(name: str, deployment: str, tmp_path: Path) -> None:
    from labyard_hub.cluster.__main__ import PROGRAMS

    program = PROGRAMS[deployment](environment(chart.objects_of(name), deployment, tmp_path))
    _, one = container(chart.objects_of(name), deployment)
    port = {"service": program.env.get("LABYARD_SERVICE_PORT"), "mlflow": program.env.get("LABYARD_MLFLOW_PORT")}.get(deployment)
    assert port is None or int(port) == one["ports"][0]["containerPort"]
    probe = one.get("readinessProbe")
    prefix = program.env.get("JUPYTERHUB_SERVICE_PREFIX") or program.env.get("LABYARD_MLFLOW_PREFIX") or ""
    assert probe is None or probe["httpGet"]["path"].startswith(prefix)


@everywhere
def test_haproxy_is_started_with_what_the_agent_writes(name: str, tmp_path: Path) -> None:
    values = chart.read_values(name)
    pod, agent = container(chart.objects_of(name), "proxy", "agent")
    _, haproxy = container(chart.objects_of(name), "proxy", "haproxy")
    folder, tls = tmp_path / "run", tmp_path / "tls"
    folder.mkdir()
    environment = {one["name"]: one.get("value", "") for one in agent["env"]} | {
        "LABYARD_PROXY_DIR": str(folder), "LABYARD_PROXY_TLS_DIR": str(tls), "CONFIGPROXY_AUTH_TOKEN": "token",
    }  # fmt: skip
    ports = {port["name"]: port["containerPort"] for one in (agent, haproxy) for port in one["ports"]}
    expected = {"api": API_PORT, "http": HTTP_PORT}
    if values.get("proxy", {}).get("https"):
        expected["https"] = HTTPS_PORT
        for made, mounted in zip(make_certificate(tls), ("tls.crt", "tls.key"), strict=True):
            made.rename(tls / mounted)
        assert {"name": "tls", "mountPath": TLS_FOLDER, "readOnly": True} in agent["volumeMounts"]
    assert ports == expected
    prepare(environment)
    program, *options, file = haproxy["args"]
    assert (program, options) == ("haproxy", ["-db", "-f"])
    written = folder / Path(file).relative_to("/run/labyard")
    checked = subprocess.run([find_haproxy(), "-c", "-f", written], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    bound = {int(port) for port in re.findall(r"^  bind \S+:(\d+)", written.read_text(), re.M)}
    assert bound >= {port for port_name, port in expected.items() if port_name != "api"}
    assert pod["spec"]["initContainers"][0]["name"] == "agent"
    assert agent["restartPolicy"] == "Always"
    paths = {probe: agent[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert paths == {"startupProbe": "/health", "livenessProbe": "/health", "readinessProbe": "/ready"}
