"""People's homes on the cluster: which claim is whose, and what becomes of it when its person is removed or comes back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from jupyterhub.utils import exponential_backoff
from kubernetes_asyncio.client import ApiException, V1DeleteOptions, V1Preconditions
from kubespawner.clients import shared_client
from kubespawner.slugs import is_valid_label, safe_slug
from tornado.log import app_log

from labyard_hub.backends.kubernetes.failures import Problem, unbound_problem
from labyard_hub.backends.kubernetes.homes import HOMES_SELECTOR, REMOVED_LABEL, Home, free_name, read_home, removal, restoration
from labyard_hub.config.cluster import HomeSettings

__all__ = ["Homes"]

GONE_SECONDS = 30.0
"""How long a claim that never had a volume may take to go."""
MERGE = "application/merge-patch+json"


class Homes:
    """The claims of one namespace.

    Parameters
    ----------
    settings
        How homes are made.
    keep_seconds
        How long homes of removed people are kept; None: for ever.
    api
        Kubernetes' core API; None: the one that all spawners share.
    """

    def __init__(
        self,
        namespace: str,
        settings: HomeSettings,
        keep_seconds: float | None,
        *,
        api: Any = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._namespace, self._settings, self._keep_seconds, self._given, self._now = namespace, settings, keep_seconds, api, now

    def __deepcopy__(self, memo: Any) -> Homes:
        """Return itself: JupyterHub copies configuration, and all spawners share this."""
        return self

    @property
    def _api(self) -> Any:
        return self._given or shared_client("CoreV1Api")

    async def choose(self, user: str, usual: str) -> tuple[str, bool]:
        """Return the name of the claim for the home of `user`, and whether it is there. A former person's of that name is left alone.

        Parameters
        ----------
        usual
            The name where nobody had it before.
        """
        found = await self._find(user)
        own = [home for home in found if not home.removed]
        if own:
            home = min(own, key=lambda one: (one.claim != usual, one.claim))
            if not home.bound and home.storage_class != self._settings.storage_class:
                await self._replace(home)
                return home.claim, False
            return home.claim, True
        return free_name(usual, (home.claim for home in found)), False

    async def make(self, claim: Any) -> None:
        """Make a claim. One of that name that is there already, from a backup perhaps, gets its labels, by which it is known from now on."""
        try:
            await self._api.create_namespaced_persistent_volume_claim(self._namespace, claim)
        except ApiException as error:
            if error.status != 409:
                raise
            metadata = self._api.api_client.sanitize_for_serialization(claim)["metadata"]
            await self._patch(metadata["name"], {"metadata": {key: metadata[key] for key in ("labels", "annotations") if key in metadata}})

    async def put_away(self, user: str, generation: int) -> None:
        """Keep the home of a person who is removed, out of reach of the next person of that name."""
        for home in await self._find(user):
            if not home.removed:
                await self._patch(home.claim, removal(self._now(), generation))
                app_log.info("the home %s of %s, who was removed, is kept", home.claim, user)

    async def in_use(self, user: str) -> bool:
        """Whether there is a home for the present owner of a name."""
        return any(not home.removed for home in await self._find(user))

    async def restore(self, user: str, generation: int) -> None:
        """Give a removed person's home back, where there is one."""
        for home in await self._find(user):
            if home.removed and home.generation == generation:
                await self._patch(home.claim, restoration())

    async def removed(self) -> list[Home]:
        """Return the homes of removed people, the oldest first."""
        found = [home for home in await self._list(f"{HOMES_SELECTOR},{REMOVED_LABEL}=true") if home.removed_at is not None]
        return sorted(found, key=lambda home: (home.removed_at or self._now(), home.claim))

    def ends_at(self, home: Home) -> datetime | None:
        """Return when a removed person's home is deleted for good; None: never."""
        if home.removed_at is None or self._keep_seconds is None:
            return None
        return home.removed_at + timedelta(seconds=self._keep_seconds)

    async def why_unbound(self, claim: str) -> Problem:
        """Return why a claim has no volume, by its own events."""
        found = await self._api.read_namespaced_persistent_volume_claim(claim, self._namespace)
        selector = f"involvedObject.kind=PersistentVolumeClaim,involvedObject.name={claim}"
        answer = await self._api.list_namespaced_event(self._namespace, field_selector=selector)
        events = [self._api.api_client.sanitize_for_serialization(event) for event in answer.items]
        return unbound_problem(claim, found.spec.storage_class_name, events)

    async def sweep(self) -> None:
        """Delete the homes whose time is over."""
        for home in await self.removed() if self._keep_seconds is not None else ():
            ends_at = self.ends_at(home)
            if ends_at is not None and self._now() >= ends_at:
                app_log.info("deleting the home %s of %s, who was removed at %s", home.claim, home.owner, home.removed_at)
                await self._delete(home)

    async def _replace(self, home: Home) -> None:
        """Delete a claim that never had a volume, so that another can be made by the settings of now."""
        app_log.info("the claim %s never had a volume, and asked for the class %s: it is made again", home.claim, home.storage_class)
        await self._delete(home)

        async def gone() -> bool:
            return all(one.uid != home.uid for one in await self._find(home.owner))

        await exponential_backoff(gone, f"The claim {home.claim} does not go", timeout=GONE_SECONDS)

    async def _delete(self, home: Home) -> None:
        options = V1DeleteOptions(preconditions=V1Preconditions(uid=home.uid))
        try:
            await self._api.delete_namespaced_persistent_volume_claim(home.claim, self._namespace, body=options)
        except ApiException as error:
            if error.status not in (404, 409):  # it is gone, or another of that name is there
                raise

    async def _patch(self, claim: str, patch: dict[str, Any]) -> None:
        await self._api.patch_namespaced_persistent_volume_claim(claim, self._namespace, patch, _content_type=MERGE)

    async def _find(self, user: str) -> list[Home]:
        found = await self._list(f"{HOMES_SELECTOR},hub.jupyter.org/username={safe_slug(user, is_valid=is_valid_label)}")
        return [home for home in found if home.owner == user]

    async def _list(self, selector: str) -> list[Home]:
        answer = await self._api.list_namespaced_persistent_volume_claim(self._namespace, label_selector=selector)
        return [read_home(self._api.api_client.sanitize_for_serialization(claim)) for claim in answer.items]
