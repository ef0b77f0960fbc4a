"""The life of one pod after it was placed: pulling, starting, running, ending, each with its events and states."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

from tests.fake_kubernetes.api import Api, core, now_text
from tests.fake_kubernetes.events import record
from tests.fake_kubernetes.images import Registry
from tests.fake_kubernetes.runtimes import Container, Runtime, main_container

__all__ = ["PodLife"]

BACK_OFF_SECONDS = 0.3
"""Real ones begin with ten seconds and double."""

Item = dict[str, Any]


@dataclass(frozen=True)
class _End:
    code: int
    reason: str


class PodLife:
    """Brings one pod to life and to its end.

    Parameters
    ----------
    namespace, name
        Of the pod, which has a node.
    ip
        The pod's own.
    """

    def __init__(self, api: Api, registry: Registry, runtime: Runtime, namespace: str, name: str, *, ip: str) -> None:
        self._api, self._registry, self._runtime, self._namespace, self._name, self._ip = api, registry, runtime, namespace, name, ip
        self._killed: asyncio.Future[_End] = asyncio.get_running_loop().create_future()
        self._container: Container | None = None
        self._restarts = 0
        self._last_end: Item = {}

    def kill(self, reason: str, code: int) -> None:
        """Let the container end for a reason, such as ``OOMKilled``."""
        if not self._killed.done():
            self._killed.set_result(_End(code, reason))

    async def run(self) -> None:
        """Go through it all; returns when the pod has ended or is gone."""
        living = asyncio.ensure_future(self._live())
        deleting = asyncio.ensure_future(self._deleted())
        try:
            await asyncio.wait({living, deleting}, return_when=asyncio.FIRST_COMPLETED)
            if living.done():
                living.result()
                await deleting
            pod = self._pod()
            if self._container is not None:
                await self._container.stop(float(pod["metadata"].get("deletionGracePeriodSeconds", 0)) if pod else 0)
            if pod is not None:
                record(self._api, pod, "kubelet", "Killing", f"Stopping container {main_container(pod)['name']}")
                self._api.remove_pod(self._namespace, self._name)
        finally:
            for task in (living, deleting):
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(living, deleting)

    async def end(self) -> None:
        """Stop what runs, as when the whole cluster ends; the pod's record stays."""
        if self._container is not None:
            await self._container.stop(1)

    def _pod(self) -> Item | None:
        return self._api.store.get(core("pods"), self._namespace, self._name)

    async def _deleted(self) -> None:
        while (pod := self._pod()) is not None and "deletionTimestamp" not in pod["metadata"]:
            await self._api.store.wait()

    async def _live(self) -> None:
        pod = self._pod()
        if pod is None or pod["status"]["phase"] in ("Succeeded", "Failed"):
            return
        self._set("Pending", {"waiting": {"reason": "ContainerCreating"}})
        await self._configuration(pod)
        await self._pull(pod)
        while True:
            end = await self._run_once(pod)
            again = pod["spec"]["restartPolicy"] == "Always" or (pod["spec"]["restartPolicy"] == "OnFailure" and end.code != 0)
            terminated = {"terminated": {"exitCode": end.code, "reason": end.reason, "startedAt": now_text(), "finishedAt": now_text()}}
            if not again:
                self._set("Succeeded" if end.code == 0 else "Failed", terminated)
                return
            self._restarts, self._last_end = self._restarts + 1, terminated
            name = main_container(pod)["name"]
            message = f"back-off 10s restarting failed container={name} pod={self._name}_{self._namespace}({pod['metadata']['uid']})"
            self._set("Running", {"waiting": {"reason": "CrashLoopBackOff", "message": message}})
            record(
                self._api,
                pod,
                "kubelet",
                "BackOff",
                f"Back-off restarting failed container {name} in pod {self._name}_{self._namespace}",
                warning=True,
            )
            await asyncio.sleep(BACK_OFF_SECONDS)

    async def _configuration(self, pod: Item) -> None:
        told = False
        while missing := self._missing(pod):
            self._set("Pending", {"waiting": {"reason": "CreateContainerConfigError", "message": missing}})
            if not told:
                record(self._api, pod, "kubelet", "Failed", f"Error: {missing}", warning=True)
                told = True
            await self._api.store.wait()

    def _missing(self, pod: Item) -> str:
        """Return which secret or map of configuration is not there that variables come from."""
        for variable in main_container(pod).get("env") or ():
            source = variable.get("valueFrom") or {}
            for key, plural, word in (("secretKeyRef", "secrets", "secret"), ("configMapKeyRef", "configmaps", "configmap")):
                wanted = source.get(key)
                if wanted and not wanted.get("optional") and self._api.store.get(core(plural), self._namespace, wanted["name"]) is None:
                    return f'{word} "{wanted["name"]}" not found'
        return ""

    async def _pull(self, pod: Item) -> None:
        reference = str(main_container(pod)["image"])
        image = self._registry.get(reference)
        if image.pull_seconds or image.missing:
            record(self._api, pod, "kubelet", "Pulling", f'Pulling image "{reference}"')
            await asyncio.sleep(image.pull_seconds)
        while self._registry.get(reference).missing:
            problem = f'failed to pull and unpack image "{reference}": failed to resolve reference "{reference}": {reference}: not found'
            problem = f'Failed to pull image "{reference}": rpc error: code = NotFound desc = {problem}'
            record(self._api, pod, "kubelet", "Failed", problem, warning=True)
            record(self._api, pod, "kubelet", "Failed", "Error: ErrImagePull", warning=True)
            self._set(
                "Pending", {"waiting": {"reason": "ErrImagePull", "message": problem.removeprefix(f'Failed to pull image "{reference}": ')}}
            )
            await asyncio.sleep(BACK_OFF_SECONDS)
            self._set(
                "Pending",
                {"waiting": {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{reference}": ErrImagePull: {problem}'}},
            )
            record(self._api, pod, "kubelet", "BackOff", f'Back-off pulling image "{reference}"')
            record(self._api, pod, "kubelet", "Failed", "Error: ImagePullBackOff", warning=True)
            await asyncio.sleep(BACK_OFF_SECONDS)
        if image.pull_seconds or image.missing:
            took = f"{image.pull_seconds:g}s"
            message = f'Successfully pulled image "{reference}" in {took} ({took} including waiting). Image size: 512000000 bytes.'
        else:
            message = f'Container image "{reference}" already present on machine'
        record(self._api, pod, "kubelet", "Pulled", message)

    async def _run_once(self, pod: Item) -> _End:
        name = main_container(pod)["name"]
        self._killed = asyncio.get_running_loop().create_future()
        try:
            self._container = await self._runtime.start(pod, self._ip, self._registry.get(str(main_container(pod)["image"])))
        except OSError as error:
            record(self._api, pod, "kubelet", "Failed", f'Error: failed to start container "{name}": {error}', warning=True)
            return _End(128, "StartError")
        record(self._api, pod, "kubelet", "Created", f"Container created: {name}")
        record(self._api, pod, "kubelet", "Started", f"Container started: {name}")
        self._set("Running", {"running": {"startedAt": now_text()}}, ready=True)
        ended = asyncio.ensure_future(self._container.wait())
        try:
            waited: set[asyncio.Future[Any]] = {ended, self._killed}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if self._killed.done():
                await self._container.stop(0)
                return self._killed.result()
            code = ended.result()
            return _End(code, "Completed" if code == 0 else "Error")
        finally:
            ended.cancel()

    def _set(self, phase: str, state: Item, *, ready: bool = False) -> None:
        pod = self._pod()
        if pod is None:
            return
        container = main_container(pod)
        status = {
            "name": container["name"], "image": container["image"], "imageID": "", "ready": ready, "started": ready,
            "restartCount": self._restarts, "state": state, "lastState": self._last_end,
        }  # fmt: skip
        conditions = [
            {"type": kind, "status": "True" if value else "False", "lastProbeTime": None, "lastTransitionTime": now_text()}
            for kind, value in (("PodScheduled", True), ("Initialized", True), ("ContainersReady", ready), ("Ready", ready))
        ]
        values = {"phase": phase, "podIP": self._ip, "podIPs": [{"ip": self._ip}], "hostIP": "127.0.0.1", "conditions": conditions}
        self._api.set_status(core("pods"), self._namespace, self._name, {**values, "containerStatuses": [status], "startTime": now_text()})
