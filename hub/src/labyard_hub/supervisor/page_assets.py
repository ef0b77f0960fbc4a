"""Makes the page assets, and tells the hub and the servers where they are."""

from __future__ import annotations

from collections.abc import Callable

from labyard_hub.backends.assets.bundle import assets_folder, ensure_assets
from labyard_hub.config.state import StateFolder, write_atomically

__all__ = ["prepare_page_assets"]


def prepare_page_assets(state: StateFolder, report: Callable[[str, str], None]) -> None:
    """Make what is missing. Without them each server serves its own files, as JupyterLab does by itself.

    May take half a minute the first time: call it off an event loop.
    """
    try:
        page = ensure_assets(assets_folder(state.root), report=lambda sentence: report("page", sentence))
        write_atomically(state.page_file, page.read_text(), mode=0o644)
    except OSError as error:
        state.page_file.unlink(missing_ok=True)
        report(
            "page",
            f"JupyterLab's files cannot be kept compressed: {error.strerror or error} ({error.filename}). Each server serves its own, more slowly",
        )
