"""Who may start what, and what they get where they say nothing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from labyard_hub.config.catalog import Deprecation, Image
from labyard_hub.config.profiles import GpuSettings, ProfileSettings
from labyard_hub.domain.profiles import Choice, allowed_profiles, choose, offered_images
from labyard_hub.domain.refusals import StartRefusedError

TODAY = date(2026, 11, 26)
SMALL = ProfileSettings(name="small")
GPU = ProfileSettings(name="gpu", gpu=GpuSettings(), groups=("research",))
MIXED = ProfileSettings(name="mixed", images=("sklearn", "old"))
PROFILES = (SMALL, GPU, MIXED)
ENDED = Deprecation(since=date(2026, 1, 1), until=date(2026, 11, 25), successor="sklearn")
OLD = Deprecation(since=date(2026, 1, 1), until=date(2026, 12, 10), successor="sklearn")
IMAGES = (
    Image(name="old", title="Old", deprecated=OLD),
    Image(name="sklearn", title="Scientific Python", default_interface="notebook"),
    Image(name="gone", title="Gone", deprecated=ENDED),
    Image(name="torch-cuda", title="PyTorch", accelerator="cuda"),
)


def choice(asked: dict[str, Any], last: dict[str, Any] | None = None, groups: tuple[str, ...] = (), **names: Any) -> Choice:
    return choose(asked, last or {}, PROFILES, names.pop("images", IMAGES), groups, today=TODAY, **names)


def refused(asked: dict[str, Any], **names: Any) -> StartRefusedError:
    with pytest.raises(StartRefusedError) as caught:
        choice(asked, **names)
    return caught.value


def test_people_see_the_profiles_of_their_groups() -> None:
    assert allowed_profiles(PROFILES, ()) == [SMALL, MIXED]
    assert allowed_profiles(PROFILES, {"research", "x"}) == [SMALL, GPU, MIXED]


def test_a_profile_offers_what_fits_its_hardware_or_what_it_names() -> None:
    assert [one.name for one in offered_images(SMALL, IMAGES, TODAY)] == ["old", "sklearn"]
    assert [one.name for one in offered_images(GPU, IMAGES, TODAY)] == ["torch-cuda"]
    assert [one.name for one in offered_images(MIXED, IMAGES, TODAY)] == ["sklearn", "old"]
    assert [one.name for one in offered_images(MIXED, IMAGES, date(2026, 12, 11))] == ["sklearn"]  # the other has ended


def test_who_says_nothing_gets_the_first_profile_and_an_image_that_stays() -> None:
    found = choice({})
    assert found.to_options() == {"profile": "small", "image": "sklearn", "interface": "notebook"}


def test_what_was_chosen_last_fills_in_what_is_not_said() -> None:
    last = {"profile": "mixed", "image": "old", "interface": "lab", "idle_seconds": 3600}
    assert choice({}, last).to_options() == last
    assert choice({"interface": "notebook"}, last).to_options() == {**last, "interface": "notebook"}


def test_what_was_chosen_last_and_is_no_longer_allowed_is_left() -> None:
    found = choice({}, {"profile": "gpu", "image": "torch-cuda", "interface": "vscode", "idle_seconds": 9e9}, idle_limit_seconds=7200)
    assert found.to_options() == {"profile": "small", "image": "sklearn", "interface": "notebook"}


def test_without_images_there_is_nothing_to_choose() -> None:
    assert choice({}, images=()).image is None
    assert "leave the image out" in refused({"image": "sklearn"}, images=()).message


@pytest.mark.parametrize(
    ("asked", "code", "at", "words"),
    [
        ({"profile": "gpu"}, "profile_unknown", "profile", "choose one of small, mixed."),
        ({"profile": "nothing"}, "profile_unknown", "profile", "choose one of small, mixed."),
        ({"profile": ["gpu"]}, "profile_unknown", "profile", "'gpu'"),
        ({"profile": {"name": "small"}}, "profile_unknown", "profile", "choose one of"),
        ({"image": "torch-cuda"}, "image_unknown", "image", "choose one of old, sklearn."),
        ({"image": "gone"}, "image_ended", "image", "choose 'sklearn', which replaced it"),
        ({"interface": "vscode"}, "interface_unknown", "interface", "lab, notebook"),
        ({"idle_seconds": "soon"}, "idle_time", "idle", "number of seconds"),
        ({"idle_seconds": "nan"}, "idle_time", "idle", "less than 5 min"),
        ({"idle_seconds": 1}, "idle_time", "idle", "less than 5 min"),
        ({"idle_seconds": 86400}, "idle_time", "idle", "2 h at most"),
    ],
)
def test_what_is_forged_is_refused_with_what_there_is(asked: dict[str, Any], code: str, at: str, words: str) -> None:
    error = refused(asked, idle_limit_seconds=7200)
    assert (error.code, error.at) == (code, at)
    assert words in error.message


def test_a_profile_of_another_group_reads_like_one_that_is_not_there() -> None:
    assert refused({"profile": "gpu"}).message.replace("gpu", "x") == refused({"profile": "x"}).message


def test_who_may_use_nothing_is_told_whom_to_ask() -> None:
    with pytest.raises(StartRefusedError, match="Ask an administrator"):
        choose({}, {}, [GPU], (), (), today=TODAY)
