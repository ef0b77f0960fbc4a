"""What is free on the cluster, asked of its API now and then; unknown where we may not ask."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiohttp import ClientError
from kubernetes_asyncio.client import ApiException
from kubespawner.clients import shared_client
from tornado.log import app_log

from labyard_hub.backends.kubernetes.capacity import count_places
from labyard_hub.config.cluster import ClusterSettings
from labyard_hub.config.profiles import ProfileSettings
from labyard_hub.hub_process.starting.capacity import Capacity, ProfileCapacity

__all__ = ["ClusterCapacity"]

KEEP_SECONDS = 5.0
TIMEOUT_SECONDS = 1.0
PAUSE_SECONDS = 60.0
"""Who may not ask is not let in a moment later either."""

Reading = tuple[list[Any], list[Any]]


class ClusterCapacity(Capacity):
    """Counts places by nodes and pods. It refuses no start: what Kubernetes does with a pod is Kubernetes' business.

    Parameters
    ----------
    read
        Returns nodes and pods; None: asks the cluster.
    """

    def __init__(self, cluster: ClusterSettings, read: Callable[[], Awaitable[Reading]] | None = None) -> None:
        self._cluster, self._read = cluster, read or _read_cluster
        self._known: Reading | None = None
        self._asked_at = float("-inf")
        self._pause = 0.0
        self._lock = asyncio.Lock()

    async def free(self, profiles: Iterable[ProfileSettings]) -> dict[str, ProfileCapacity]:
        """Return what the start page says, by profile; nothing where nobody tells us."""
        profiles = list(profiles)
        reading = await self._reading() if self._cluster.show_capacity else None
        if reading is None:
            return {one.name: ProfileCapacity() for one in profiles}
        places = count_places(profiles, *reading, self._cluster)
        # A cluster may have no node of a kind until somebody asks for one: of such a profile it is not known how many there could be.
        return {name: ProfileCapacity(free=free, total=total or None, queue=queue) for name, (free, total, queue) in places.items()}

    async def _reading(self) -> Reading | None:
        async with self._lock:
            if time.monotonic() - self._asked_at < max(KEEP_SECONDS, self._pause):
                return self._known
            self._pause = 0.0
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    self._known = await self._read()
            except ApiException as error:
                self._known = None
                self._pause = PAUSE_SECONDS if error.status == 403 else 0.0
                app_log.warning("what is free on the cluster is not known: %s %s", error.status, error.reason)
            except (ClientError, OSError, TimeoutError, ValueError, KeyError) as error:
                self._known = None
                app_log.warning("what is free on the cluster is not known: %s", type(error).__name__)
            self._asked_at = time.monotonic()
            return self._known


async def _read_cluster() -> Reading:
    api = shared_client("CoreV1Api")
    # As they come: thousands of pods as objects of the client would hold up the hub.
    active = "status.phase!=Succeeded,status.phase!=Failed"
    answers = await asyncio.gather(
        api.list_node(_preload_content=False), api.list_pod_for_all_namespaces(field_selector=active, _preload_content=False)
    )
    nodes, pods = [await _items(answer) for answer in answers]
    return nodes, pods


async def _items(answer: Any) -> list[Any]:
    body = await answer.read()
    if answer.status != 200:
        raise ApiException(status=answer.status, reason=answer.reason)
    items: list[Any] = (await asyncio.to_thread(json.loads, body))["items"]
    return items
