"""Claims of homes, as plain values: whose a claim is, whether its person was removed, and what a change of that is as a patch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = ["HOMES_SELECTOR", "REMOVED_LABEL", "Home", "free_name", "read_home", "removal", "restoration"]

HOMES_SELECTOR = "component=singleuser-storage"
REMOVED_LABEL = "labyard.io/removed"
REMOVED_AT = "labyard.io/removed-at"
GENERATION = "labyard.io/generation"
OWNER = "hub.jupyter.org/username"
"""KubeSpawner's annotation with the person's name as it is."""


@dataclass(frozen=True)
class Home:
    """The claim of a person's home.

    Attributes
    ----------
    owner
        The person; empty where the claim does not say it.
    removed_at
        When the person was removed; None: the home is in use.
    generation
        How many people had the name before the removed person.
    bound
        Whether the claim ever had a volume. One without holds nothing.
    storage_class, size
        What the claim asks for.
    """

    claim: str
    uid: str
    owner: str
    removed_at: datetime | None
    generation: int
    bound: bool
    storage_class: str | None
    size: str

    @property
    def removed(self) -> bool:
        """Whether its person was removed."""
        return self.removed_at is not None


def read_home(claim: Mapping[str, Any]) -> Home:
    """Return what a claim says."""
    metadata, spec = claim["metadata"], claim["spec"]
    notes = metadata.get("annotations") or {}
    at = notes.get(REMOVED_AT) if (metadata.get("labels") or {}).get(REMOVED_LABEL) == "true" else None
    size = (claim.get("status", {}).get("capacity") or spec["resources"]["requests"]).get("storage", "")
    return Home(
        claim=metadata["name"],
        uid=metadata["uid"],
        owner=notes.get(OWNER, ""),
        removed_at=datetime.fromisoformat(at) if at else None,
        generation=int(notes.get(GENERATION) or 0),
        bound=bool(spec.get("volumeName")) or claim.get("status", {}).get("phase") in ("Bound", "Lost"),
        storage_class=spec.get("storageClassName"),
        size=size,
    )


def removal(now: datetime, generation: int) -> dict[str, Any]:
    """Return the patch that sets the home of a removed person aside."""
    notes = {REMOVED_AT: now.isoformat(), GENERATION: str(generation)}
    return {"metadata": {"labels": {REMOVED_LABEL: "true"}, "annotations": notes}}


def restoration() -> dict[str, Any]:
    """Return the patch that gives a home back."""
    return {"metadata": {"labels": {REMOVED_LABEL: None}, "annotations": {REMOVED_AT: None, GENERATION: None}}}


def free_name(usual: str, taken: Iterable[str]) -> str:
    """Return `usual`, or with a number where that claim is a former person's."""
    names, number = set(taken), 2
    if usual not in names:
        return usual
    while f"{usual}--{number}" in names:
        number += 1
    return f"{usual}--{number}"
