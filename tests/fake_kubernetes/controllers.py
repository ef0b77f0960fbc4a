"""What goes on in a cluster by itself: claims are bound, pods are placed, and live."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.fake_kubernetes.api import Api, core, now_text
from tests.fake_kubernetes.events import record
from tests.fake_kubernetes.images import Registry
from tests.fake_kubernetes.kubelet import PodLife
from tests.fake_kubernetes.resources import RESOURCES
from tests.fake_kubernetes.runtimes import Runtime
from tests.fake_kubernetes.scheduler import place

__all__ = ["Controllers"]

Item = dict[str, Any]
CLASSES = next(one for one in RESOURCES if one.kind == "StorageClass")


class Controllers:
    """Scheduler, kubelets and the binder of claims.

    Parameters
    ----------
    runtime
        What a running container is.
    network
        First two bytes of the pods' addresses, in 127.0.0.0/8.
    """

    def __init__(self, api: Api, registry: Registry, runtime: Runtime, network: str = "127.77") -> None:
        self._api, self._registry, self._runtime, self._network = api, registry, runtime, network
        self._lives: dict[tuple[str, str, str], tuple[PodLife, asyncio.Task[None]]] = {}
        self._given = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        """End everything that runs."""
        if self._task is not None:
            self._task.cancel()
        for life, task in self._lives.values():
            task.cancel()
            await life.end()
        await asyncio.gather(*(task for _, task in self._lives.values()), return_exceptions=True)

    def log(self, pod: Item) -> str:
        """Return what a pod's first container has written."""
        return self._runtime.log(pod)

    def kill(self, namespace: str, name: str, reason: str, code: int) -> bool:
        """Let a pod's container end; False where none runs."""
        for (where, what, _), (life, task) in self._lives.items():
            if (where, what) == (namespace, name) and not task.done():
                life.kill(reason, code)
                return True
        return False

    async def _run(self) -> None:
        while True:
            self._bind()
            self._place()
            self._bring_to_life()
            await self._api.store.wait()

    def _bind(self) -> None:
        claims = core("persistentvolumeclaims")
        for claim in self._api.store.find(claims):
            if claim["status"]["phase"] == "Pending":
                metadata, spec = claim["metadata"], claim["spec"]
                wanted = spec.get("storageClassName")
                if wanted and self._api.store.get(CLASSES, "", wanted) is None:
                    self._say_no_class(claim, wanted)
                    continue
                status = {"phase": "Bound", "accessModes": spec["accessModes"], "capacity": spec["resources"]["requests"]}
                self._api.set_status(claims, metadata["namespace"], metadata["name"], status)

    def _say_no_class(self, claim: Item, wanted: str) -> None:
        told = {one["involvedObject"].get("uid") for one in self._api.store.find(core("events"), claim["metadata"]["namespace"])}
        if claim["metadata"]["uid"] not in told:
            text = f'storageclass.storage.k8s.io "{wanted}" not found'
            record(self._api, claim, "persistentvolume-controller", "ProvisioningFailed", text, warning=True)

    def _place(self) -> None:
        store, pods = self._api.store, core("pods")
        for pod in store.find(pods):
            if pod["spec"].get("nodeName") or pod["status"]["phase"] != "Pending":
                continue
            namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
            node, why = place(pod, store.find(core("nodes")), store.find(pods), store.find(core("persistentvolumeclaims"), namespace))
            if node is not None:
                pod["spec"]["nodeName"] = node
                store.put(pods, pod)
                record(self._api, pod, "default-scheduler", "Scheduled", f"Successfully assigned {namespace}/{name} to {node}")
            elif not any(one.get("message") == why for one in pod["status"].get("conditions", ())):
                condition = {
                    "type": "PodScheduled",
                    "status": "False",
                    "reason": "Unschedulable",
                    "message": why,
                    "lastTransitionTime": now_text(),
                }
                self._api.set_status(pods, namespace, name, {"conditions": [condition]})
                record(self._api, pod, "default-scheduler", "FailedScheduling", why, warning=True)

    def _bring_to_life(self) -> None:
        for key in [key for key, (_, task) in self._lives.items() if task.done()]:
            self._lives.pop(key)[1].result()
        for pod in self._api.store.find(core("pods")):
            metadata = pod["metadata"]
            key = (metadata["namespace"], metadata["name"], metadata["uid"])
            if not pod["spec"].get("nodeName") or key in self._lives or (pod["status"]["phase"] in ("Succeeded", "Failed")):
                continue
            life = PodLife(self._api, self._registry, self._runtime, *key[:2], ip=self._address(pod))
            self._lives[key] = life, asyncio.ensure_future(life.run())

    def _address(self, pod: Item) -> str:
        given: str = pod["status"].get("podIP", "")
        if given:  # after a restart of ours
            return given
        taken = {one["status"].get("podIP") for one in self._api.store.find(core("pods"))}
        while True:
            self._given += 1
            address = f"{self._network}.{self._given // 250 % 250}.{self._given % 250 + 2}"
            if address not in taken:
                return address
