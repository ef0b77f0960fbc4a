"""``python -m labyard_hub.cluster PROGRAM``: what the chart's containers run. It prepares the state folder and becomes the program."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence

from labyard.exceptions import LabyardError
from labyard_hub.cluster.programs import Program, hub, mlflow, proxy_agent, service

__all__ = ["main"]

PROGRAMS: Mapping[str, Callable[[Mapping[str, str]], Program]] = {
    "hub": hub, "service": service, "mlflow": mlflow, "proxy-agent": proxy_agent,
}  # fmt: skip


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> Program | str | int:
    """Return the program to become; a message, or a status, where there is none."""
    name = arguments[0] if arguments else ""
    if name == "await-images" and len(arguments) == 2:
        from labyard_hub.cluster.images import await_images  # noqa: PLC0415  # the only one that asks Kubernetes

        return await_images(arguments[1], environment["POD_NAMESPACE"])
    if name == "check-config" and len(arguments) == 1:
        from labyard_hub.cluster.check import check_config  # noqa: PLC0415  # the others need none of it

        return check_config(environment)
    if name not in PROGRAMS or len(arguments) != 1:
        return f"usage: python -m labyard_hub.cluster {' | '.join(PROGRAMS)} | check-config | await-images DAEMONSET"
    try:
        return PROGRAMS[name](environment)
    except KeyError as error:
        return f"the variable {error} is missing: this runs in the chart's containers"
    except LabyardError as error:
        return error.message


if __name__ == "__main__":
    outcome = main(sys.argv[1:], os.environ)
    if isinstance(outcome, Program):
        os.execve(outcome.argv[0], outcome.argv, outcome.env)  # noqa: S606  # no shell, a list
    sys.exit(outcome)
