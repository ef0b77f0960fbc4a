"""The cluster's spawner: a pod per server. What a pod looks like, and what its events mean, is in `labyard_hub.backends.kubernetes`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import ClientError
from jupyterhub.utils import maybe_future
from kubernetes_asyncio.client import ApiException
from kubespawner import KubeSpawner
from traitlets import Any as AnyTrait
from traitlets import Dict, default

from labyard.units import format_bytes
from labyard_hub.backends.kubernetes.environment import literal, person_environment, project_environment
from labyard_hub.backends.kubernetes.failures import UNBOUND, Problem, ended_problem, refusal, start_problem
from labyard_hub.backends.kubernetes.pod import pod_properties
from labyard_hub.backends.kubernetes.progress import Step, step_of, waiting_step
from labyard_hub.backends.kubernetes.volumes import Mount, project_volumes, user_volumes
from labyard_hub.config.cluster import ClusterSettings
from labyard_hub.domain.profiles import Choice
from labyard_hub.domain.projects import is_project_id
from labyard_hub.domain.scopes import use_scope_of
from labyard_hub.exceptions import HomeNotKeptError, MembershipsUnknownError
from labyard_hub.hub_process import mlflow_client
from labyard_hub.hub_process.login.generations import generation_of, note_removal
from labyard_hub.hub_process.memberships import Memberships
from labyard_hub.hub_process.pods.api_refusals import api_message
from labyard_hub.hub_process.pods.pod_view import PodView
from labyard_hub.hub_process.starting.failures import failure
from labyard_hub.hub_process.starting.spawner import ChosenSpawner

__all__ = ["LabyardKubeSpawner"]

LOOK_SECONDS = 0.25
"""How often a starting pod is looked at. It is in the hub's memory, kept up to date by one watch for all."""
STOPPING_PROBLEMS = ("out_of_memory", "evicted", "preempted")


class LabyardKubeSpawner(ChosenSpawner, KubeSpawner):  # type: ignore[misc]  # neither carries types
    """Starts a pod for a choice, mounts the owner's projects by their roles, and says why it does not start."""

    cluster: Any = AnyTrait(config=True, help="The settings under `cluster`.")
    pvc_name: Any
    memberships: Any = AnyTrait(None, allow_none=True, config=True, help="Who says which projects a person is in; None: nobody is in any.")
    homes: Any = AnyTrait(None, allow_none=True, config=True, help="Which claim is whose home.")
    base_environment = Dict(config=True, help="Variables that every server gets.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.mounted: tuple[Mount, ...] = ()
        self.told_ready = asyncio.Event()
        self.behind = False
        self._choice: Choice | None = None
        self._made_at = 0.0
        self._log: tuple[str, ...] = ()
        self._seen = PodView(self)
        super().__init__(*args, **kwargs)
        self._usual_claim: str = self.pvc_name

    @default("cluster")
    def _all_defaults_of_the_cluster(self) -> ClusterSettings:
        return ClusterSettings()

    @default("oauth_client_allowed_scopes")
    def _visitor_scopes(self) -> list[str]:
        """Return what the token of a visitor may do beside opening this server, as on one machine."""
        return [] if self._is_project else [use_scope_of(self.user.name)]

    @property
    def _is_project(self) -> bool:
        return is_project_id(self.user.name)

    def load_state(self, state: dict[str, Any]) -> None:
        """Take what the last hub knew."""
        super().load_state(state)
        self.mounted = tuple(Mount(*one) for one in state.get("mounted", ()))

    def get_state(self) -> dict[str, Any]:
        """Return what the next hub shall know: also which projects the pod can write to, since they are mounted for as long as it runs."""
        state: dict[str, Any] = super().get_state()
        mounted = [[one.project_id, one.name, one.writable] for one in self.mounted]
        return {**state, "mounted": mounted} if mounted else state

    def clear_state(self) -> None:
        """Forget a server that has ended."""
        super().clear_state()
        self.mounted = ()

    def chosen(self, choice: Choice) -> None:
        """Take what the start is with."""
        super().chosen(choice)
        self._choice = choice
        image = self.starts.settings.images.reference(choice.image.name) if choice.image is not None else self.image
        for name, value in pod_properties(choice.profile, image, self.cluster).items():
            setattr(self, name, value)

    async def load_user_options(self) -> None:
        """Look up the owner's projects, and say what is mounted. KubeSpawner reads its own profiles here, which we have none of."""
        assert self._choice is not None  # noqa: S101  # `chosen` comes first
        profile = self._choice.profile
        if self._is_project:
            self.mounted = ()
            found = project_volumes(self.user.name, profile, self.cluster)
        else:
            self.mounted = await self._look_up_projects()
            self.pvc_name, there = await self.homes.choose(self.user.name, self._usual_claim)
            if not there:
                await self.homes.make(self.get_pvc_manifest())
            found = user_volumes(self.mounted, profile, self.cluster)
        self.volumes, self.volume_mounts = found.volumes, found.mounts

    async def retire(self) -> None:
        """Keep the home of a person who is removed, out of reach of the next owner of the name.

        Raises
        ------
        HomeNotKeptError
            If the cluster does not say that it is.
        """
        try:
            await self.homes.put_away(self.user.name, generation_of(self.user.db, self.user.name))
        except (ApiException, ClientError, TimeoutError) as error:
            raise HomeNotKeptError(self.user.name, api_message(error) if isinstance(error, ApiException) else str(error)) from error
        note_removal(self.user.db, self.user.name)

    async def has_home(self) -> bool:
        """Return whether there is a home of the present owner."""
        return bool(await self.homes.in_use(self.user.name))

    async def _look_up_projects(self) -> tuple[Mount, ...]:
        if self.memberships is None or self.cluster.projects_claim is None:
            return ()
        memberships: Memberships = self.memberships
        try:
            return await memberships.of_token(self.api_token)
        except MembershipsUnknownError as error:
            self.log.error("%s: %s", self._log_name, error)
            raise failure("projects", str(error)) from error

    def get_env(self) -> dict[str, Any]:
        """Return the pod's variables."""
        environment: dict[str, Any] = super().get_env()
        own = project_environment(self.user.name) if self._is_project else person_environment(self.user.name, self.mounted)
        ours = {**self.base_environment, **self.chosen_environment(), **own, **mlflow_client.new_token(self)}
        return {**environment, **literal(ours)}

    async def _start(self) -> str:
        """Make the pod, and return its address once the server in it answers.

        Raises
        ------
        SpawnException
            With a sentence for the person, if that fails.
        """
        self.told_ready, self.behind = asyncio.Event(), False
        self._made_at, self._log = time.monotonic(), ()
        await self._start_watching_pods()
        self._seen.pass_over_what_is_there()
        making = asyncio.ensure_future(super()._start())
        watching = asyncio.ensure_future(self._watch_start())
        try:
            await asyncio.wait({making, watching}, return_when=asyncio.FIRST_COMPLETED)
            if making.done():
                making.result()  # refused, or it runs: what is left is that the server in it answers
            return await watching
        except ApiException as error:
            problem = refusal(error.status or 500, api_message(error))
            raise failure(problem.code, problem.sentence) from error
        finally:
            for task in (making, watching):
                task.cancel()
            await asyncio.gather(making, watching, return_exceptions=True)

    async def _watch_start(self) -> str:
        """Return the server's address once it answers; raise as soon as it is known that it will not."""
        while True:
            pod = self._seen.pod()
            if pod is not None:
                problem = self._problem(pod)
                if problem is not None:
                    if problem.code == "ended":
                        self._log = await self._seen.read_log()
                    if problem.sentence == UNBOUND:
                        problem = await self.homes.why_unbound(self.pvc_name)
                    await self._discard()
                    raise failure(problem.code, problem.sentence)
                if self.is_pod_running(pod) and (self.told_ready.is_set() or await self._seen.listens(pod)):
                    return str(self._get_pod_url(pod))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(
                    self.told_ready.wait() if not self.told_ready.is_set() else asyncio.sleep(LOOK_SECONDS), LOOK_SECONDS
                )

    def _problem(self, pod: dict[str, Any]) -> Problem | None:
        return start_problem(
            pod,
            self._seen.events(pod),
            waited_seconds=time.monotonic() - self._made_at,
            schedule_seconds=self.cluster.schedule_timeout_seconds,
            pull_seconds=self.cluster.pull_timeout_seconds,
        ) or self._ended_problem(pod)

    def log_tail(self, lines: int = 20) -> list[str]:
        """Return the last `lines` lines of a server that ended before it was ready, for the page that says so."""
        return list(self._log[-lines:])

    async def _discard(self) -> None:
        """Remove a pod that will not start; JupyterHub would do it too, and later."""
        try:
            await self.stop(now=True)
        except Exception:
            self.log.exception("could not remove the pod of %s", self._log_name)

    def _ended_problem(self, pod: dict[str, Any]) -> Problem | None:
        limit = self.granted.usage.memory_bytes if self.granted is not None else 0
        return ended_problem(pod, format_bytes(limit) if limit else "")

    async def poll(self) -> int | None:
        """Return None while the pod runs, else its exit status; why it ended is kept for its owner where it did not end by itself."""
        pod = self._seen.pod()
        problem = self._ended_problem(pod) if pod is not None and self.ready else None
        if problem is not None and problem.code in STOPPING_PROBLEMS:
            self.ended = problem.sentence
        status: int | None = await maybe_future(super().poll())
        return status

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Tell the waiting page what happens, with the seconds since the start."""
        await self._start_watching_events()
        yield {"progress": 5, "message": "making the pod"}
        seen, last = set[str](), 5
        while True:
            done = self._start_future is not None and self._start_future.done()
            pod = self._seen.pod()
            found = [*(step_of(event) for event in self._seen.events(pod)), waiting_step(pod)] if pod is not None else []
            # Kubernetes tells times by the second, and much happens within one.
            for step in sorted(one for one in found if one is not None and one[1] not in seen):
                seen.add(step[1])
                last = max(last, step[0])
                yield self._said(step, last)
            if done:
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _said(self, step: Step, percent: int) -> dict[str, Any]:
        return {"progress": percent, "message": f"{step[1]} ({max(0, time.monotonic() - self._made_at):.0f} s)"}
