"""Objects, their versions, and what happened to them lately."""

from __future__ import annotations

import asyncio
import json
import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fake_kubernetes.errors import expired
from tests.fake_kubernetes.resources import RESOURCES, Resource

__all__ = ["Change", "Store"]

Item = dict[str, Any]
HISTORY = 2000


@dataclass(frozen=True)
class Change:
    """One write: what was there before, and after; None for nothing."""

    version: int
    resource: Resource
    before: Item | None
    after: Item | None


class Store:
    """All objects of a cluster.

    Parameters
    ----------
    file
        Where they are kept over restarts; None: nowhere.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self.version = 1
        self._items: dict[tuple[str, str, str], Item] = {}
        self._history: deque[Change] = deque(maxlen=HISTORY)
        self._oldest = 1
        self._changed = asyncio.Event()
        if file is not None and file.exists():
            saved = json.loads(file.read_text())
            self.version = self._oldest = saved["version"]
            self._items = {tuple(key): item for key, item in saved["items"]}

    def get(self, resource: Resource, namespace: str, name: str) -> Item | None:
        """Return a copy of an object; None where it is not."""
        item = self._items.get((resource.plural, namespace, name))
        return json.loads(json.dumps(item)) if item is not None else None

    def find(self, resource: Resource, namespace: str = "") -> list[Item]:
        """Return copies of all objects of a kind, of one namespace or of all, by name."""
        found = [
            item
            for (plural, where, _), item in sorted(self._items.items(), key=lambda entry: entry[0])
            if plural == resource.plural and (not namespace or where == namespace)
        ]
        copies: list[Item] = json.loads(json.dumps(found))
        return copies

    def of_namespace(self, namespace: str) -> Iterator[tuple[Resource, Item]]:
        """Yield everything in a namespace."""
        for resource in RESOURCES:
            if resource.namespaced:
                for item in self.find(resource, namespace):
                    yield resource, item

    def put(self, resource: Resource, item: Item) -> Item:
        """Write an object and return it with its new version."""
        self.version += 1
        item = json.loads(json.dumps(item))
        item["metadata"]["resourceVersion"] = str(self.version)
        key = (resource.plural, item["metadata"].get("namespace", ""), item["metadata"]["name"])
        before = self._items.get(key)
        self._items[key] = item
        self._note(Change(self.version, resource, before, item))
        copy: Item = json.loads(json.dumps(item))
        return copy

    def remove(self, resource: Resource, namespace: str, name: str) -> Item | None:
        """Remove an object and return its last state."""
        before = self._items.pop((resource.plural, namespace, name), None)
        if before is None:
            return None
        self.version += 1
        last: Item = json.loads(json.dumps(before))
        last["metadata"]["resourceVersion"] = str(self.version)
        self._note(Change(self.version, resource, last, None))
        return last

    def compact(self) -> None:
        """Forget what happened: watches from before now are answered with 410."""
        self._history.clear()
        self._oldest = self.version
        self._wake()

    def since(self, version: int) -> list[Change]:
        """Return what happened after `version`.

        Raises
        ------
        ApiError
            410 if that is not remembered any more.
        """
        if self._history.maxlen == len(self._history):
            self._oldest = max(self._oldest, self._history[0].version - 1)
        if version < self._oldest:
            raise expired(version, self._oldest)
        return [change for change in self._history if change.version > version]

    async def wait(self) -> None:
        """Wait for the next write."""
        await self._changed.wait()

    def _note(self, change: Change) -> None:
        self._history.append(change)
        if self._file is not None:
            temporary = self._file.with_name(f".{self._file.name}.{os.getpid()}")
            temporary.write_text(json.dumps({"version": self.version, "items": [[list(key), item] for key, item in self._items.items()]}))
            temporary.replace(self._file)
        self._wake()

    def _wake(self) -> None:
        event, self._changed = self._changed, asyncio.Event()
        event.set()
