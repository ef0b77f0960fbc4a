"""Quotas, and the figures in what they say."""

from __future__ import annotations

import pytest

from labyard_hub.config.profiles import GpuSettings, ProfileSettings
from labyard_hub.config.quotas import Quota
from labyard_hub.domain.quotas import Usage, check_quota, needs_of
from labyard_hub.domain.refusals import QuotaExceededError

BIG = ProfileSettings(name="big", cpu_cores=4, memory_bytes=8 * 2**30, gpu=GpuSettings(count=2))


def test_what_a_profile_takes() -> None:
    assert needs_of(BIG) == Usage(1, 4, 8 * 2**30, 2)
    assert needs_of(ProfileSettings(name="free")) == Usage(1, 0, 0, 0)


@pytest.mark.parametrize(
    ("quota", "names", "message"),
    [
        (
            Quota(cpu_cores=8),
            {},
            "You use 6 of 8 CPU; this needs 4. That would go over your quota: stop another server, or choose a smaller profile.",
        ),
        (Quota(servers=2), {}, "You use 2 of 2 servers; this needs 1."),
        (Quota(memory_bytes=16 * 2**30), {}, "You use 12 GiB of 16 GiB of memory; this needs 8 GiB."),
        (
            Quota(gpus=4),
            {"group": "research"},
            "The group research uses 3 of 4 GPU; this needs 2. That would go over the quota of the group research:",
        ),
        (
            Quota(servers=0),
            {"project": True},
            "The project uses 2 of 0 servers; this needs 1. That would go over the quota of the project:",
        ),
    ],
)
def test_refused_with_the_figures(quota: Quota, names: dict[str, str], message: str) -> None:
    with pytest.raises(QuotaExceededError) as caught:
        check_quota(quota, Usage(2, 6, 12 * 2**30, 3), needs_of(BIG), **names)  # type: ignore[arg-type]
    assert message in caught.value.message


def test_what_just_fits_and_what_is_not_needed_pass() -> None:
    check_quota(Quota(servers=3, cpu_cores=10, memory_bytes=20 * 2**30, gpus=5), Usage(2, 6, 12 * 2**30, 3), needs_of(BIG))
    # Who has more GPUs than a quota that was lowered may still start what needs none.
    check_quota(Quota(gpus=1), Usage(1, 0, 0, 3), needs_of(ProfileSettings(name="free")))
    check_quota(Quota(cpu_cores=0.3), Usage(2, 0.1 + 0.1), Usage(1, 0.1))
