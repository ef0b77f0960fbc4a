"""Settings that contradict themselves are refused before anything is replaced, with the line."""

from __future__ import annotations

from labyard_hub.cluster.__main__ import main

GOOD = "cluster: {}\nlogin: {provider: github, client_id: x, allowed_users: [ada], admin_users: [ada]}\ntools: {directory: /not/here}\n"


def test_settings_that_can_be_used_pass_without_the_pod_s_files_and_secrets() -> None:
    assert main(["check-config"], {"LABYARD_CONFIG_TEXT": GOOD}) == 0


def test_a_mistake_is_told_with_its_line() -> None:
    told = str(main(["check-config"], {"LABYARD_CONFIG_TEXT": "cluster: {}\nservers:\n  idle_timeout: 5\n"}))
    assert "nothing was changed" in told
    assert "idle_timeout" in told
    assert "3" in told


def test_settings_that_contradict_one_another_are_told() -> None:
    text = GOOD.replace("admin_users: [ada]", "admin_users: []")
    assert "nobody would administer" in str(main(["check-config"], {"LABYARD_CONFIG_TEXT": text}))


def test_without_a_cluster_s_section_servers_would_be_processes() -> None:
    assert "no section `cluster`" in str(main(["check-config"], {"LABYARD_CONFIG_TEXT": "currency: EUR\n"}))
