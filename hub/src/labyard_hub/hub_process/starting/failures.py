"""Why a start failed, what to do about it, and which way out to offer.

Spawners raise `failure(code, sentence)`; pages show what `explain` makes of whatever was raised.
"""

from __future__ import annotations

from dataclasses import dataclass

from jupyterhub.spawner import SpawnException

from labyard_hub.hub_process.starting.refusals import StartRefusal

__all__ = ["StartFailure", "explain", "failure"]

NO_LOG = "Try again. If it fails again, tell an administrator what stands here; your files are safe in any case."
SAME_AGAIN = "Try again. If it fails again, show the end of the log to an administrator; your files are safe in any case."
ADVICE = {
    "unschedulable": "Choose another profile, or try again later.",
    "image_pull": "Choose another image, or tell an administrator what stands here.",
    "out_of_memory": "Choose a profile with more memory.",
    "quota": "Stop another server, or choose a smaller profile.",
    "volume": NO_LOG,
    "timeout": SAME_AGAIN,
    "ended": SAME_AGAIN,
    "process": SAME_AGAIN,
    "evicted": "Try again, perhaps with a profile that has more memory.",
    "projects": "",
    "rejected": "",
    "preempted": "Try again later, or choose another profile.",
}
"""What to do, by code. What is refused by our own rules says it in its sentence."""

OTHER_CHOICE = frozenset({"unschedulable", "image_pull", "out_of_memory", "quota", "evicted", "preempted"})
"""Codes where another choice helps more than the same again."""


@dataclass(frozen=True)
class StartFailure:
    """Why a start failed.

    Attributes
    ----------
    code
        Stable identifier.
    sentence
        What happened.
    advice
        What to do; empty where the sentence says it.
    choose
        Whether to choose something else is the first way out.
    refused
        Whether nothing was started at all, so that there is no log.
    """

    code: str
    sentence: str
    advice: str
    choose: bool
    refused: bool = False

    @property
    def advice_without_log(self) -> str:
        """What to do where the server has written nothing that could be shown to anybody."""
        return NO_LOG if self.advice == SAME_AGAIN else self.advice


def failure(code: str, sentence: str) -> SpawnException:
    """Return the exception that a spawner raises.

    Parameters
    ----------
    code
        One of `ADVICE`, or a new one.
    sentence
        What happened, for the person whose server it is, with a full stop and without a secret.
    """
    return SpawnException(sentence, reason=code)


def explain(error: BaseException | None, timeout_seconds: float | None = None) -> StartFailure:
    """Return what to tell of `error`; what was not meant for the person stays in the log."""
    if isinstance(error, StartRefusal):
        return StartFailure(error.reason, str(error.message), "", choose=True, refused=True)
    if isinstance(error, SpawnException):
        code = str(error.reason or "error")
        return StartFailure(code, str(error.message), ADVICE.get(code, SAME_AGAIN), code in OTHER_CHOICE)
    told = getattr(error, "jupyterhub_message", None)
    if isinstance(error, TimeoutError) or getattr(error, "reason", "") == "timeout":
        within = f" within {timeout_seconds:g} s" if timeout_seconds else " in time"
        return StartFailure("timeout", str(told or f"It did not answer{within}."), SAME_AGAIN, choose=False)
    return StartFailure("error", str(told or "It ended, or did not answer in time."), SAME_AGAIN, choose=False)
