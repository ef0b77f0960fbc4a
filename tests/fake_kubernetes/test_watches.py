"""Watches of the fake API, by the client that KubeSpawner uses, and what accounts may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes_asyncio import client, watch

from tests.fake_kubernetes.handle import FakeKubernetes
from tests.fake_kubernetes.test_objects import pod
from tests.workers import pod_network


@pytest.fixture
async def api(fake: FakeKubernetes) -> AsyncIterator[client.CoreV1Api]:
    configuration = client.Configuration(host=fake.url)
    async with client.ApiClient(configuration) as connection:
        yield client.CoreV1Api(connection)


async def _events(api: client.CoreV1Api, number: int, **options: Any) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    async with watch.Watch().stream(api.list_namespaced_config_map, "team", timeout_seconds=20, **options) as stream:
        async for event in stream:
            found.append((event["type"], event["raw_object"]["metadata"].get("name", "")))
            if len(found) == number:
                break
    return found


async def test_a_watch_tells_what_happens_after_the_list(api: client.CoreV1Api) -> None:
    version = (await api.list_namespaced_config_map("team")).metadata.resource_version
    watching = asyncio.create_task(_events(api, 3, resource_version=version))
    await api.create_namespaced_config_map("team", client.V1ConfigMap(metadata={"name": "watched"}))
    await api.patch_namespaced_config_map("watched", "team", {"data": {"a": "1"}})
    await api.delete_namespaced_config_map("watched", "team")
    assert await watching == [("ADDED", "watched"), ("MODIFIED", "watched"), ("DELETED", "watched")]


async def test_what_stops_matching_is_deleted_for_a_watch_with_a_selector(api: client.CoreV1Api) -> None:
    version = (await api.list_namespaced_config_map("team")).metadata.resource_version
    watching = asyncio.create_task(_events(api, 2, resource_version=version, label_selector="mine=yes"))
    await api.create_namespaced_config_map("team", client.V1ConfigMap(metadata={"name": "labelled", "labels": {"mine": "yes"}}))
    await api.patch_namespaced_config_map("labelled", "team", {"metadata": {"labels": {"mine": "no"}}})
    assert await watching == [("ADDED", "labelled"), ("DELETED", "labelled")]


async def test_bookmarks_are_sent_to_those_who_ask(api: client.CoreV1Api) -> None:
    version = (await api.list_namespaced_config_map("team")).metadata.resource_version
    assert await _events(api, 1, resource_version=version, allow_watch_bookmarks=True) == [("BOOKMARK", "")]


async def test_a_version_that_is_forgotten_is_gone(fake: FakeKubernetes, api: client.CoreV1Api) -> None:
    version = (await api.list_namespaced_config_map("team")).metadata.resource_version
    await api.create_namespaced_config_map("team", client.V1ConfigMap(metadata={"name": "newer"}))
    await asyncio.to_thread(fake.compact)
    with pytest.raises(client.ApiException) as caught:
        await _events(api, 1, resource_version=version)
    assert caught.value.status == 410
    assert "too old resource version" in caught.value.reason


async def test_a_watch_ends_after_its_time(api: client.CoreV1Api) -> None:
    version = (await api.list_namespaced_config_map("team")).metadata.resource_version
    async with watch.Watch().stream(api.list_namespaced_config_map, "team", timeout_seconds=1, resource_version=version) as stream:
        assert [event async for event in stream] == []


async def test_the_client_takes_its_own_models(api: client.CoreV1Api) -> None:
    container = client.V1Container(name="main", image="registry.example/image:1", ports=[client.V1ContainerPort(container_port=8888)])
    made = await api.create_namespaced_pod("team", client.V1Pod(metadata={"name": "typed"}, spec=client.V1PodSpec(containers=[container])))
    assert made.metadata.uid
    await api.delete_namespaced_pod("typed", "team", grace_period_seconds=0)


def test_accounts_do_what_their_rules_say_and_objects_outlive_the_server(tmp_path: Path) -> None:
    with FakeKubernetes.started(tmp_path, network=pod_network()) as one:
        one.create_namespace("team")
        rules = {"team": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "create"]}]}
        one.add_account("hub", "system:serviceaccount:team:hub", rules)

        def status(method: str, path: str, token: str, body: Any = None) -> int:
            return one.request(method, path, body, headers={"Authorization": f"Bearer {token}"}).status_code

        assert status("GET", "/api/v1/namespaces/team/pods", "hub") == 200
        assert status("POST", "/api/v1/namespaces/team/pods", "hub", pod("kept")) == 201
        assert status("GET", "/api/v1/namespaces/team/pods", "stranger") == 401
        assert status("DELETE", "/api/v1/namespaces/team/pods/kept", "hub") == 403
        assert status("GET", "/api/v1/pods", "hub") == 403
        answer = one.request("GET", "/api/v1/nodes", headers={"Authorization": "Bearer hub"})
        wanted = (
            'nodes is forbidden: User "system:serviceaccount:team:hub" cannot list resource "nodes" in API group "" at the cluster scope'
        )
        assert answer.json()["message"] == wanted
    with FakeKubernetes.started(tmp_path, network=pod_network()) as two:
        assert "kept" in two.pods("team")
