"""What the hub sees of one server's pod: the pod itself, its events, its log, and whether its server listens."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import ClientError
from kubernetes_asyncio.client import ApiException

__all__ = ["PodView"]

LOG_LINES = 60


class PodView:
    """The pod of one spawner, from the hub's memory, which one watch for all pods keeps up to date."""

    def __init__(self, spawner: Any) -> None:
        self._spawner, self._passed_over = spawner, ""

    def pass_over_what_is_there(self) -> None:
        """Ignore the pod that is there now: KubeSpawner removes it, and its address is not the new pod's."""
        self._passed_over = ""
        there = self.pod()
        self._passed_over = there["metadata"]["uid"] if there is not None else ""

    def pod(self) -> dict[str, Any] | None:
        """Return the pod; None while there is none, or only one that ends."""
        key, reflector = f"{self._spawner.namespace}/{self._spawner.pod_name}", self._spawner.pod_reflector
        found: dict[str, Any] | None = reflector.pods.get(key) if reflector is not None else None
        if found is None or "deletionTimestamp" in found["metadata"] or found["metadata"]["uid"] == self._passed_over:
            return None
        return found

    def events(self, pod: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the events of this very pod: those of an earlier pod of the same name may be a second old."""
        reflector, uid = self._spawner.event_reflector, pod["metadata"]["uid"]
        return [event for event in reflector.events if event["involvedObject"].get("uid") == uid] if reflector is not None else []

    async def listens(self, pod: dict[str, Any]) -> bool:
        """Whether the pod's server accepts connections."""
        try:
            async with asyncio.timeout(1):
                _, writer = await asyncio.open_connection(pod["status"]["podIP"], self._spawner._get_pod_port(pod))  # noqa: SLF001
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True

    async def read_log(self) -> tuple[str, ...]:
        """Return the end of the pod's log, and note it in the hub's; nothing where the hub may not read it."""
        spawner = self._spawner
        try:
            text = await spawner.api.read_namespaced_pod_log(
                spawner.pod_name, spawner.namespace, container="notebook", tail_lines=LOG_LINES
            )
        except (ApiException, ClientError, OSError, TimeoutError) as error:
            spawner.log.warning("the log of %s cannot be read: %s", spawner._log_name, getattr(error, "reason", error))  # noqa: SLF001
            return ()
        spawner.log.warning("%s ended before it was ready; the end of its log:\n%s", spawner._log_name, text)  # noqa: SLF001
        return tuple(str(text).splitlines())
