"""The runtime that starts a pod's program as a real process, with the pod's volumes mounted where the pod says, as its user, and with no right to become another.

It is no sandbox: the process sees this machine's files, to read, and its network. It needs root, for the mounts, which nobody outside the process sees.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

from tests.fake_kubernetes.images import Image
from tests.fake_kubernetes.runtimes import Container, main_container

__all__ = ["ProcessRuntime", "mount_script"]

Item = dict[str, Any]
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


class ProcessRuntime:
    """Starts processes.

    Parameters
    ----------
    folder
        Where volumes and logs are: ``volumes/NAMESPACE/CLAIM``, ``pods/UID``.
    """

    def __init__(self, folder: Path) -> None:
        if os.geteuid() != 0:
            raise PermissionError("real processes in pods need root, to mount their volumes")
        self._folder = folder

    def volume(self, namespace: str, claim: str) -> Path:
        """Return the folder that stands for a claim's volume."""
        return self._folder / "volumes" / namespace / claim

    async def start(self, pod: Item, ip: str, image: Image) -> Container:
        """Start the first container."""
        container, context = main_container(pod), pod["spec"].get("securityContext") or {}
        own = container.get("securityContext") or {}
        uid, gid = (int(own.get(key, context.get(key, 0))) for key in ("runAsUser", "runAsGroup"))
        group = int(context.get("fsGroup", gid))
        script = mount_script(pod, self._volumes(pod, group), read_only_root=bool(own.get("readOnlyRootFilesystem")))
        replaced = bool(container.get("command"))
        argv = list(container.get("command") or image.entrypoint) + list(container.get("args") or (() if replaced else image.command))
        # Addresses stand for network namespaces: what listens on all of a pod's addresses listens on its own here.
        argv = [
            ip if argument == "0.0.0.0" else f"--ip={ip}" if argument == "--ip=0.0.0.0" else argument for argument in argv
        ]  # it is replaced
        environment = {"PATH": SYSTEM_PATH, "HOSTNAME": pod["metadata"]["name"], **image.env}
        environment |= {
            one["name"]: one.get("value", "").replace("://0.0.0.0:", f"://{ip}:") for one in container.get("env") or () if "value" in one
        }
        privileges = [
            "setpriv",
            f"--reuid={uid}",
            f"--regid={gid}",
            f"--groups={group}",
            "--no-new-privs",
            "--inh-caps=-all",
            "--bounding-set=-all",
        ]
        script += (
            f"cd {shlex.quote(str(container.get('workingDir') or environment.get('HOME', '/')))}\nexec {shlex.join([*privileges, *argv])}\n"
        )
        log = self._folder / "pods" / pod["metadata"]["uid"] / "log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                "unshare", "--mount", "--propagation", "private", "sh", "-euc", script,
                env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd="/",
            )  # fmt: skip
        return _Process(process)

    def log(self, pod: Item) -> str:
        """Return what the process has written."""
        file = self._folder / "pods" / pod["metadata"]["uid"] / "log"
        return file.read_text(errors="replace") if file.exists() else ""

    def _volumes(self, pod: Item, group: int) -> dict[str, Path]:
        found = {}
        for volume in pod["spec"].get("volumes") or ():
            claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            path = (
                self.volume(pod["metadata"]["namespace"], claim)
                if claim
                else self._folder / "pods" / pod["metadata"]["uid"] / volume["name"]
            )
            if not path.exists():
                path.mkdir(parents=True)
                os.chown(path, 0, group)
                path.chmod(0o2775 if claim else 0o2777)
            found[volume["name"]] = path
        return found


def mount_script(pod: Item, volumes: dict[str, Path], *, read_only_root: bool) -> str:
    """Return the shell commands that mount a pod's volumes, shortest path first, into a mount namespace of its own."""
    mounts = sorted(main_container(pod).get("volumeMounts") or (), key=lambda one: len(Path(one["mountPath"]).parts))
    program = Path(sys.prefix).parent  # the checkout
    # The folders above mount points are in the image, where there is one: here they are made in memory, and hide this machine's homes.
    lines = ["mount -t tmpfs -o mode=755 tmpfs /home"]
    for mount in mounts:
        source, target = volumes[mount["name"]] / (mount.get("subPath") or ""), mount["mountPath"]
        if not source.exists():
            source.mkdir(parents=True)  # as kubelet does, as root: nobody but root can write there
        lines += [f"mkdir -p {shlex.quote(target)}"]
        if program.is_relative_to(target):
            # A pod's own /tmp would hide the interpreter of a checkout below /tmp, which stands for what is in the image.
            inside = source / program.relative_to(target)
            lines += [f"mkdir -p {shlex.quote(str(inside))}", f"mount --bind {shlex.quote(str(program))} {shlex.quote(str(inside))}"]
        lines += [f"mount --rbind {shlex.quote(str(source))} {shlex.quote(target)}"]
        if mount.get("readOnly"):
            lines.append(f"mount -o remount,bind,ro {shlex.quote(target)}")
    if read_only_root:
        lines.append("mount -o remount,bind,ro /")
    return "\n".join(lines) + "\n"


class _Process:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def wait(self) -> int:
        status = await self._process.wait()
        return status if status >= 0 else 128 - status

    async def stop(self, grace_seconds: float) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), max(0.1, grace_seconds))
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
