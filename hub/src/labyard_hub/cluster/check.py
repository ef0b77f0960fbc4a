"""Reads the settings before an upgrade replaces anything: a hook of the chart, in the new image."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from labyard.exceptions import LabyardError
from labyard_hub.config.settings import Settings
from labyard_hub.config.yaml_files import read_yaml, validate

__all__ = ["check_config"]


def check_config(environment: Mapping[str, str]) -> str | int:
    """Return 0 where ``LABYARD_CONFIG_TEXT`` can be used, else what is wrong with which line of it. What it names in the hub's pod is not looked for."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.yaml"
        file.write_text(environment["LABYARD_CONFIG_TEXT"])
        try:
            data, lines = read_yaml(file)
            settings = validate(Settings, data, file, lines)
        except LabyardError as error:
            return f"the values below `config` cannot be used, and nothing was changed. {error.message.replace(str(file), 'config')}"
    if settings.cluster is None:
        return "the values below `config` have no section `cluster`, and nothing was changed"
    return 0
