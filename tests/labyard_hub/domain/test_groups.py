from __future__ import annotations

from labyard_hub.config.settings import Settings
from labyard_hub.domain.groups import groups_asked_for, tell_empty_groups


def test_a_group_that_is_asked_for_in_vain_is_told() -> None:
    asked = groups_asked_for(
        Settings.model_validate(
            {
                "profiles": [{"name": "usual"}, {"name": "gpu", "groups": ["research", "reserch"]}],
                "quotas": {"groups": {"students": {"servers": 5}, "research": {"servers": 2}}},
            }
        )
    )
    assert set(asked) == {"research", "reserch", "students"}
    assert list(tell_empty_groups(asked, {"research"})) == [
        "nobody is in the group reserch, which the profile gpu names: `labyard user groups NAME --add reserch`, or correct the name",
        "nobody is in the group students, which quotas.groups names: `labyard user groups NAME --add students`, or correct the name",
    ]
    assert list(tell_empty_groups(asked, set(asked))) == list(tell_empty_groups({}, ())) == []
