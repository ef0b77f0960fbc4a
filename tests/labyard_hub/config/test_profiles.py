"""Profiles and quotas in the configuration file: their meaning, and what mistakes say."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from labyard_hub.config.loader import dump_configuration, load_configuration, parse_configuration
from labyard_hub.exceptions import ConfigurationError

GOOD = """
currency: CHF
servers: {cpu_limit_cores: 2, memory_limit_bytes: 4Gi}
profiles:
  - name: small
    title: CPU small
  - name: gpu
    cpu_cores: 8
    memory_bytes: 32Gi
    memory_guarantee_bytes: 16Gi
    gpu: {count: 1, resource: nvidia.com/mig-1g.10gb, model: A100}
    node_selector: {pool: gpu}
    tolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}]
    shared_memory_bytes: 8Gi
    images: [pytorch-cuda]
    groups: [research]
    price_per_hour: 1.20
    maximum_session_seconds: 8h
quotas:
  users: {servers: 2, cpu_cores: 8, memory_bytes: 64Gi, gpus: 1}
  groups: {research: {gpus: 4}}
  projects: {servers: 1}
"""


def test_profiles_and_quotas_are_read_and_handed_on(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(GOOD)
    configuration = load_configuration(file)
    small, gpu = configuration.settings.profiles
    assert (small.label, small.cpu_cores, small.memory_bytes) == ("CPU small", 2, 4 * 2**30)  # what it leaves out is as in `servers`
    assert (gpu.label, gpu.cpu_cores, gpu.memory_bytes, gpu.memory_guarantee_bytes) == ("gpu", 8, 32 * 2**30, 16 * 2**30)
    assert gpu.gpu is not None
    assert (gpu.gpu.count, gpu.gpu.model) == (1, "A100")
    assert (gpu.price_per_hour, gpu.maximum_session_seconds) == (Decimal("1.20"), 8 * 3600)
    assert configuration.settings.quotas.groups["research"].gpus == 4
    assert parse_configuration(dump_configuration(configuration)).settings == configuration.settings


def test_a_configuration_without_profiles_means_what_it_meant(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("servers: {memory_limit_bytes: 4Gi, cpu_limit_cores: 1.5}\n")
    (only,) = load_configuration(file).settings.profiles
    assert (only.name, only.memory_bytes, only.cpu_cores, only.gpu, only.groups) == ("default", 4 * 2**30, 1.5, None, ())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("profiles: []\n", ["one profile at least", "leave `profiles` out"]),
        ("profiles: [{name: a}, {name: a}]\n", ["two profiles 'a'", "another name"]),
        ("profiles: [{name: GPU large}]\n", ["'GPU large'", "small letters", "`title`"]),
        ("profiles: [{name: a, memory_bytes: 4GB}]\n", ["4GB", "4Gi"]),
        ("profiles: [{name: a, gpu: 2}]\n", ["gpu: {count: 2, resource: nvidia.com/gpu}"]),
        ("profiles: [{name: a, gpu: {resource: gpu}}]\n", ["'gpu' is no resource", "nvidia.com/gpu"]),
        ("profiles: [{name: a, gpu: {count: 0}}]\n", ["greater than or equal to 1"]),
        ("profiles: [{name: a, cpu_cores: 1, cpu_guarantee_cores: 2}]\n", ["guarantees 2 CPU and allows 1", "raise `cpu_cores`"]),
        ("servers: {cpu_limit_cores: 1}\nprofiles: [{name: a, cpu_guarantee_cores: 2}]\n", ["guarantees 2 CPU and allows 1"]),
        ("profiles: [{name: a, memory_bytes: 1Gi, memory_guarantee_bytes: 2Gi}]\n", ["lower `memory_guarantee_bytes`"]),
        ("profiles: [{name: a, images: [pytroch]}]\n", ["'pytroch'", "there are base, sklearn"]),
        ("profiles: [{name: a, groups: [x, x]}]\n", ["'x' stands twice"]),
        ("profiles: [{name: a, tolerations: [{operator: Exists, value: x}]}]\n", ["leave `value` out"]),
        ("profiles: [{name: a, tolerations: [{value: x}]}]\n", ["needs a `key`"]),
        ("profiles:\n  - name: a\n    cpus: 2\n", ["`profiles.0.cpus` is not a setting", "cpu_cores"]),
        ("quotas: {users: {cpu_cores: 8}}\n", ["`quotas.users.cpu_cores`", "'default' has no limit", "set its `cpu_cores`"]),
        ("quotas: {groups: {x: {cpus: 8}}}\n", ["`quotas.groups.x.cpus` is not a setting", "cpu_cores"]),
        ("projects: {server_profile: big}\n", ["'big'", "none of: default"]),
    ],
)
def test_mistakes_say_what_to_do(tmp_path: Path, text: str, words: list[str]) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_configuration(file)
    for word in words:
        assert word in caught.value.message


def test_the_documented_example_works(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "how-to" / "profiles.md").read_text()
    (tmp_path / "config.yaml").write_text(text.partition("```yaml\n")[2].partition("```")[0])
    settings = load_configuration(tmp_path / "config.yaml").settings
    assert [one.name for one in settings.profiles] == ["small", "gpu"]
    assert settings.quotas.users.servers == 3
