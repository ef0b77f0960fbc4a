"""Which groups the configuration asks for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from labyard_hub.config.settings import Settings

__all__ = ["groups_asked_for", "tell_empty_groups"]


def groups_asked_for(settings: Settings) -> dict[str, str]:
    """Return the groups that profiles and quotas name, each with a setting that does."""
    found = dict.fromkeys(settings.quotas.groups, "quotas.groups")
    return found | {name: f"the profile {one.name}" for one in settings.profiles for name in one.groups}


def tell_empty_groups(asked: Mapping[str, str], known: Collection[str]) -> Iterable[str]:
    """Return a sentence for each group that is asked for and in which nobody is: a mistake, or somebody is still to be put there."""
    for name, where in sorted(asked.items()):
        if name not in known:
            yield f"nobody is in the group {name}, which {where} names: `labyard user groups NAME --add {name}`, or correct the name"
