"""What pages say of a start that failed."""

from __future__ import annotations

from jupyterhub.spawner import SpawnException
from tornado import web

from labyard_hub.domain.refusals import NoProfileError
from labyard_hub.hub_process.starting.failures import SAME_AGAIN, explain, failure
from labyard_hub.hub_process.starting.refusals import StartRefusal


def test_a_spawners_sentence_comes_with_what_to_do() -> None:
    told = explain(failure("image_pull", "The image x could not be pulled: there is none of that name."))
    assert told.sentence == "The image x could not be pulled: there is none of that name."
    assert told.advice == "Choose another image, or tell an administrator what stands here."
    assert told.choose
    assert not told.refused


def test_nobody_is_sent_to_a_log_that_is_empty() -> None:
    assert "log" not in explain(TimeoutError()).advice_without_log
    assert explain(failure("image_pull", "None.")).advice_without_log == explain(failure("image_pull", "None.")).advice


def test_what_our_rules_refuse_says_all_itself() -> None:
    told = explain(StartRefusal(NoProfileError()))
    assert (told.code, told.advice, told.choose, told.refused) == ("no_profile", "", True, True)
    assert "Ask an administrator" in told.sentence


def test_an_operators_own_hook_and_a_timeout() -> None:
    assert explain(SpawnException("Not on Sundays.", reason="sunday")).sentence == "Not on Sundays."
    assert explain(TimeoutError(), 120).sentence == "It did not answer within 120 s."


def test_what_was_not_meant_for_people_stays_in_the_log() -> None:
    for error in (ValueError("/etc/secret"), web.HTTPError(500, "/etc/secret"), None):
        told = explain(error)
        assert told.sentence == "It ended, or did not answer in time."
        assert told.advice == SAME_AGAIN
