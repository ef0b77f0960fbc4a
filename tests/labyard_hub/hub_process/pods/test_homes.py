"""Homes of removed people: kept for the set time, never the next person's, and deleted after that alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kubernetes_asyncio.client import ApiClient, Configuration, CoreV1Api

from labyard_hub.config.cluster import HomeSettings
from labyard_hub.hub_process.pods.homes import Homes
from tests.fake_kubernetes.handle import FakeKubernetes
from tests.workers import pod_network

START = datetime(2026, 11, 30, tzinfo=UTC)
MONTH = 30 * 86400.0
SETTINGS = HomeSettings()


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeKubernetes]:
    with FakeKubernetes.started(tmp_path_factory.mktemp("cluster"), network=pod_network()) as running:
        running.create_namespace("team")
        yield running


@pytest.fixture
async def api(fake: FakeKubernetes) -> AsyncIterator[CoreV1Api]:
    async with ApiClient(Configuration(host=fake.url)) as client:
        yield CoreV1Api(client)


def claim(name: str, user: str, *, labelled: bool = True) -> dict[str, Any]:
    labels = {"component": "singleuser-storage", "hub.jupyter.org/username": user} if labelled else {}
    return {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "labels": labels, "annotations": {"hub.jupyter.org/username": user}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }  # fmt: skip


async def test_a_removed_home_is_kept_and_not_the_next_person_s_until_it_is_restored(fake: FakeKubernetes, api: CoreV1Api) -> None:
    homes = Homes("team", SETTINGS, MONTH, api=api, now=lambda: START)
    assert await homes.choose("dan", "home-dan") == ("home-dan", False)
    await homes.make(claim("home-dan", "dan"))
    await homes.make(claim("home-dan", "dan"))  # two servers of one person start at once
    assert await homes.choose("dan", "home-dan") == ("home-dan", True)
    await homes.put_away("dan", 0)
    assert await homes.choose("dan", "home-dan") == ("home-dan--2", False)
    await homes.make(claim("home-dan--2", "dan"))
    assert await homes.choose("dan", "home-dan") == ("home-dan--2", True)
    await homes.put_away("dan", 1)
    assert [(home.claim, home.owner, home.removed_at, home.generation) for home in await homes.removed()] == [
        ("home-dan", "dan", START, 0), ("home-dan--2", "dan", START, 1),
    ]  # fmt: skip
    assert await homes.choose("dan", "home-dan") == ("home-dan--3", False)
    assert not await homes.in_use("dan")
    await homes.restore("dan", 1)
    assert await homes.in_use("dan")
    assert await homes.choose("dan", "home-dan") == ("home-dan--2", True)
    assert set(fake.items("persistentvolumeclaims", "team")) >= {"home-dan", "home-dan--2"}


@pytest.mark.parametrize(("keep_seconds", "days", "kept"), [(MONTH, 29, True), (MONTH, 31, False), (None, 9999, True)])
async def test_a_removed_home_is_deleted_after_its_time_alone(
    fake: FakeKubernetes, api: CoreV1Api, keep_seconds: float | None, days: int, kept: bool
) -> None:
    for name in ("old", "new"):
        await Homes("team", SETTINGS, keep_seconds, api=api).make(claim(f"home-{name}", name))
    await Homes("team", SETTINGS, keep_seconds, api=api, now=lambda: START).put_away("old", 0)
    later = Homes("team", SETTINGS, keep_seconds, api=api, now=lambda: START + timedelta(days=days))
    await later.sweep()
    assert await later.choose("new", "home-new") == ("home-new", True)
    claims = fake.items("persistentvolumeclaims", "team")
    assert ("home-old" in claims) is kept
    assert "home-new" in claims
    if kept:
        await later.restore("old", 0)


async def test_a_claim_without_our_labels_stays_its_person_s(api: CoreV1Api) -> None:
    homes = Homes("team", SETTINGS, MONTH, api=api)
    await homes.make(claim("home-zoe", "zoe", labelled=False))
    name, there = await homes.choose("zoe", "home-zoe")
    assert (name, there) == ("home-zoe", False)
    await homes.make(claim(name, "zoe"))
    assert await homes.choose("zoe", "home-zoe") == ("home-zoe", True)
