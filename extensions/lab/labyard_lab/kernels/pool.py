"""Keeps kernels ready while somebody has a page of the server open."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import Float, Int
from traitlets.config import SingletonConfigurable

from labyard_lab.kernels.forked import ForkedProcess
from labyard_lab.kernels.kind import Kind
from labyard_lab.kernels.recipe import NotForkableError, Recipe

__all__ = ["KernelPool"]

MIN_AGE_SECONDS = 10.0
"""A parent that ends sooner is replaced only when the next kernel is asked for."""

KNOWN_ARGUMENTS = frozenset({"cwd", "env"})


class KernelPool(SingletonConfigurable):
    """The kernels that wait, by what they were started with.

    Nothing runs until somebody opens a page (`page_seen`), and nothing any more once nobody has for a while.
    """

    size = Int(1, min=0, help="How many kernels of one kind wait ready; 0: each is started when it is asked for, as Jupyter does.").tag(
        config=True
    )
    max_kinds = Int(2, min=1, help="Of how many kinds kernels wait: the default one, and those that were asked for last.").tag(config=True)
    idle_seconds = Float(
        600.0, min=1, help="After how long without a page and without a new kernel nothing is kept ready any more, to save memory."
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._kinds: dict[Recipe, Kind] = {}
        self._refused: dict[Recipe, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._specs: tuple[KernelSpecManager, str] | None = None
        self._used_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def open(self, specs: KernelSpecManager, default_name: str) -> None:
        """Begin: the server is ready. Called on its event loop.

        Parameters
        ----------
        default_name
            Name of the kernel that is kept ready before anybody has asked for one.
        """
        if sys.platform != "linux":
            self.log.info(
                "labyard: kernels are started the ordinary way: on %s a process cannot be made a child of another's parent", sys.platform
            )
            return
        self._loop, self._specs = asyncio.get_running_loop(), (specs, default_name)

    async def close(self) -> None:
        """End everything that waits. Kernels go on."""
        self._loop = None
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._rest()

    def page_seen(self) -> None:
        """Note that somebody looks at the server, and keep their likely next kernel ready."""
        if self._on_our_loop() and self.size > 0:
            self._use()
            for recipe, kind in list(self._kinds.items()):
                if not kind.is_starting() and not kind.is_usable():
                    self._renew(recipe)
            if not self._kinds and not self._tasks:
                self._in_background(self._warm_default())

    async def take(self, command: Sequence[str], **arguments: Any) -> ForkedProcess | None:
        """Return a process that becomes the kernel; None if it is to be started the ordinary way, for a reason that is in the log.

        Parameters
        ----------
        command, arguments
            What `subprocess.Popen` would be called with.
        """
        if self.size == 0 or not self._on_our_loop():
            return None
        try:
            unknown = sorted(name for name, value in arguments.items() if name not in KNOWN_ARGUMENTS and value is not None)
            if unknown:
                raise NotForkableError(f"it is to be started with {', '.join(unknown)}")
            environment = {**(arguments.get("env") or os.environ), "JPY_PARENT_PID": str(os.getpid())}
            recipe = Recipe.of(command, environment)
            self._use()
            kind = await self._fitting(recipe)
            return await kind.take(command, environment, arguments.get("cwd") or str(Path.cwd()))
        except NotForkableError as reason:
            self.log.info("labyard: a kernel is started the ordinary way: %s", reason)
            return None

    async def _fitting(self, recipe: Recipe) -> Kind:
        """Return the kind that `recipe` describes if kernels can come from it now; otherwise see to it that the next one does."""
        kind = self._kinds.get(recipe)
        if kind is not None and kind.is_usable():
            self._kinds[recipe] = self._kinds.pop(recipe)  # the last one is the one used last
            return kind
        if recipe in self._refused:
            raise NotForkableError(self._refused[recipe])
        reason = "none of its kind is kept ready yet" if kind is None else kind.why_not()
        if kind is None or not kind.is_starting():
            self._renew(recipe)
        raise NotForkableError(reason)

    def _renew(self, recipe: Recipe) -> None:
        """Begin to keep kernels of this kind ready, from a new parent."""
        former = self._kinds.pop(recipe, None)
        kind = self._kinds[recipe] = Kind(recipe, self.size, self._parent_ended, self.log)
        surplus = [self._kinds.pop(one) for one in list(self._kinds)[: -self.max_kinds]]
        self._in_background(self._start(kind, [*surplus, *([former] if former else [])]))

    async def _start(self, kind: Kind, old: Sequence[Kind]) -> None:
        for one in old:
            await one.close()
        try:
            await kind.start()
            self._use()  # the imports may have taken long
        except NotForkableError as reason:
            if self._kinds.get(kind.recipe) is kind:  # otherwise it was given up meanwhile
                del self._kinds[kind.recipe]
                self._refused[kind.recipe] = str(reason)
                self.log.warning("labyard: no kernel is kept ready: %s", reason)

    def _parent_ended(self, kind: Kind) -> None:
        """Start another one; but not one that ends as soon as it has started, again and again."""
        if self._kinds.get(kind.recipe) is not kind:
            return
        self.log.warning("labyard: the kernels' parent (process %s) has ended", kind.parent.pid)
        if kind.age_seconds > MIN_AGE_SECONDS:
            self._renew(kind.recipe)
        else:
            self._in_background(kind.close())

    async def _warm_default(self) -> None:
        assert self._specs is not None  # noqa: S101  set with the loop
        specs, name = self._specs
        try:
            spec = await asyncio.to_thread(specs.get_kernel_spec, name)
            # What Jupyter makes of a description, with no kernel manager: variables are filled in, the command is not.
            launch = await LocalProvisioner(kernel_spec=spec).pre_launch(env=os.environ.copy())
            recipe = Recipe.of([part.format_map(_AnyFile()) for part in launch["cmd"]], launch["env"])
        except (NotForkableError, KeyError, ValueError) as reason:
            self.log.info("labyard: no kernel of the kind %s is kept ready: %s", name, reason)
        else:
            self._renew(recipe)

    def _on_our_loop(self) -> bool:
        try:
            return self._loop is not None and asyncio.get_running_loop() is self._loop
        except RuntimeError:  # in a thread
            return False

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.log.error("labyard: could not keep a kernel ready", exc_info=error)

    def _use(self) -> None:
        self._used_at = time.monotonic()
        if self._timer is None:
            self._set_timer(self.idle_seconds)

    def _set_timer(self, seconds: float) -> None:
        assert self._loop is not None  # noqa: S101  whoever is here was asked on it
        self._timer = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """End what waits if nobody was here for long enough; look again when that may be so."""
        left = self._used_at + self.idle_seconds - time.monotonic()
        if left > 0 or any(kind.is_starting() for kind in self._kinds.values()):
            self._set_timer(max(left, 1.0))
        else:
            self._timer = None
            self._in_background(self._rest())

    async def _rest(self) -> None:
        kinds, self._kinds = list(self._kinds.values()), {}
        self._refused.clear()
        for kind in kinds:
            with contextlib.suppress(OSError):
                await kind.close()


class _AnyFile(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return key
