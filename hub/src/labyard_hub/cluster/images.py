"""Waits until every node has pulled the images of a DaemonSet: a hook of the chart before install and upgrade."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

__all__ = ["Progress", "await_images", "read_progress"]

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
API = "https://kubernetes.default.svc"
EVERY_SECONDS = 5.0
PATIENCE = 60
"""Answers in a row that may fail: the API server of a small cluster is away for minutes when it is upgraded."""


@dataclass(frozen=True)
class Progress:
    """How many nodes have all images, of how many; `seen` is false until the controller has counted the nodes of the newest revision."""

    ready: int
    wanted: int
    seen: bool

    @property
    def done(self) -> bool:
        """Whether there is nothing to wait for. On a cluster without a fitting node there is not."""
        return self.seen and self.ready >= self.wanted


def read_progress(name: str, namespace: str) -> Progress:
    """Ask the API server, as the pod's service account.

    Raises
    ------
    OSError
        If it does not answer.
    """
    context = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    request = Request(  # noqa: S310  # a fixed https address
        f"{API}/apis/apps/v1/namespaces/{namespace}/daemonsets/{name}",
        headers={"Authorization": f"Bearer {(ACCOUNT / 'token').read_text().strip()}"},
    )
    with urlopen(request, timeout=10, context=context) as answer:  # noqa: S310
        found = json.load(answer)
    status = found.get("status", {})
    return Progress(
        ready=int(status.get("numberReady", 0)),
        wanted=int(status.get("desiredNumberScheduled", 0)),
        seen=int(status.get("observedGeneration", 0)) >= int(found["metadata"]["generation"]),
    )


def await_images(
    name: str,
    namespace: str,
    *,
    read: Callable[[str, str], Progress] = read_progress,
    sleep: Callable[[float], None] = time.sleep,
    say: Callable[[str], None] = print,
) -> int:
    """Wait for the DaemonSet `name`; return the exit status. The Job's deadline ends a wait that is too long."""
    failed, last = 0, ""
    while True:
        try:
            progress = read(name, namespace)
        except (OSError, URLError, ValueError) as error:
            failed += 1
            if failed > PATIENCE:
                say(f"the API server does not say how far the images are: {error}")
                return 1
            sleep(EVERY_SECONDS)
            continue
        failed = 0
        if progress.done:
            say(f"{progress.wanted} nodes have the images")
            return 0
        now = f"{progress.ready} of {progress.wanted} nodes have the images"
        if now != last:
            say(now)
        last = now
        sleep(EVERY_SECONDS)
