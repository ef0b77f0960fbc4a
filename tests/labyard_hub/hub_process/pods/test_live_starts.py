"""An added profile is offered at once; a mistake in the changed file changes nothing."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from labyard_hub.config.loader import load_configuration
from labyard_hub.hub_process.pods.live_starts import LiveStarts

FILE = "cluster: {}\nprofiles:\n  - {name: small, cpu_cores: 1}\n"


def replaced(file: Path, text: str) -> None:
    """Put another file in place, as Kubernetes does with the links of a mounted folder."""
    other = file.with_name("other")
    other.write_text(text)
    other.replace(file)


def test_profiles_quotas_and_images_follow_the_file_and_the_rest_does_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(FILE)
    starts = LiveStarts(load_configuration(file).settings)
    starts.follow(file)
    assert [one.name for one in starts.settings.profiles] == ["small"]
    replaced(
        file,
        FILE
        + "  - {name: large, cpu_cores: 8, groups: [heavy]}\nquotas: {users: {servers: 2}}\nimages: {tag: '9'}\nservers: {named_servers_per_user: 7}\n",
    )
    assert [one.name for one in starts.settings.profiles] == ["small", "large"]
    assert starts.settings.quotas.users.servers == 2
    assert starts.settings.images.tag == "9"
    assert starts.settings.servers.named_servers_per_user != 7
    with caplog.at_level(logging.ERROR):
        replaced(file, FILE.replace("cpu_cores", "cpus"))
        assert [one.name for one in starts.settings.profiles] == ["small", "large"]
        file.unlink()
        assert [one.name for one in starts.settings.profiles] == ["small", "large"]
    assert "not taken up" in caplog.text
