"""People's pods, as the hub of an installed chart makes them: by the real KubeSpawner, without a cluster."""

from __future__ import annotations

import asyncio
import json
import tempfile
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes_asyncio.client import ApiClient, Configuration
from kubernetes_asyncio.config import kube_config
from traitlets.config import Config

from labyard_hub.cluster.state import prepare_state
from labyard_hub.domain.profiles import Choice
from labyard_hub.hub_process import mlflow_client
from labyard_hub.hub_process.pods.config import configure_from_environment
from labyard_hub.hub_process.pods.spawner import LabyardKubeSpawner
from tests.helm import chart
from tests.helm.containers import environment


def spawned_pods(found: list[chart.Object], *users: str) -> dict[str, chart.Object]:
    """Return the pod of each of `users` for the first profile."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        values = environment(found, "hub", Path(folder))
        patch.setenv("LABYARD_LOGIN_CLIENT_SECRET", values.get("LABYARD_LOGIN_CLIENT_SECRET", ""))
        patch.setattr(mlflow_client, "new_token", lambda _spawner: {})  # a row of the hub's database
        patch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", _kubeconfig(Path(folder)))
        _, configuration = prepare_state(values)
        c: Any = Config()
        configure_from_environment(c, values)
        settings = configuration.settings
        choice = Choice(settings.profiles[0], settings.images.offered[0], "lab")
        return {user: asyncio.run(_pod(c, user, choice)) for user in users}


@cache
def pods_of(name: str, *users: str) -> dict[str, chart.Object]:
    """Return the same for a file in ``helm/values``."""
    return spawned_pods(chart.objects_of(name), *users)


def _kubeconfig(folder: Path) -> str:
    """Write what KubeSpawner reads before anything; nothing answers there."""
    file = folder / "kubeconfig"
    file.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "none",
        "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:9"}}], "users": [{"name": "none", "user": {"token": "none"}}],
        "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
    }))  # fmt: skip
    return str(file)


async def _pod(c: Any, user: str, choice: Choice) -> chart.Object:
    person = SimpleNamespace(name=user, id=1, url=f"/user/{user}/", escaped_name=user, orm_user=SimpleNamespace(groups=[]))
    hub = SimpleNamespace(public_host="", url="http://hub:8081/hub/", base_url="/hub/", api_url="http://hub:8081/hub/api")
    spawner = LabyardKubeSpawner(config=c, user=person, hub=hub, _mock=True)
    spawner.chosen(choice)
    async with ApiClient(Configuration()) as client:
        pod: chart.Object = client.sanitize_for_serialization(await spawner.get_pod_manifest())
    return pod
