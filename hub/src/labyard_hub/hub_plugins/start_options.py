"""What a person chose on the start page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jupyterhub.spawner import SpawnException

__all__ = ["DEFAULT_URLS", "apply_start_options"]

DEFAULT_URLS = {"lab": "/lab", "notebook": "/tree"}
"""Where each interface starts, under the server's own URL."""


def apply_start_options(spawner: Any, user_options: Mapping[str, Any]) -> None:
    """Apply the options of a start, from the page or the REST API, to `spawner`.

    Raises
    ------
    SpawnException
        If the interface is none that there is.
    """
    interface = user_options.get("interface", "lab")
    if isinstance(interface, list):  # a form sends lists
        interface = interface[0] if interface else "lab"
    if interface not in DEFAULT_URLS:
        raise SpawnException(f"There is no interface {str(interface)[:40]!r}: choose one of {', '.join(DEFAULT_URLS)}.", reason="interface")
    spawner.default_url = DEFAULT_URLS[interface]
