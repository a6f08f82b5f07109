"""An id made of the account carries the mark by which it becomes a pseudonym; what others refer to has to have it."""

from __future__ import annotations

import pytest

from pipelines.carriers.mapping.mapped_carrier import MappedCarrier
from pipelines.carriers.mapping.model import MappingError
from tests.pipelines.carriers.mapping.beacon import beacon

PAYLOAD = b'{"id": 7, "at": 1600000000, "room": 1, "by": 2}'


def with_ids(event_id: str, message_id: str = "{id}", kind: str = "message.sent") -> MappedCarrier:
    return beacon(f"""
fields: {{author: [sender.id, by]}}
cases:
  - emit:
      - kind: {kind}
        id: {event_id}
        time: {{of: "{{at}}", unit: seconds}}
        group: "{{room}}"
        account: "{{author}}"
        message_id: "{message_id}"
""")


@pytest.mark.parametrize(
    ("kind", "event_id", "made"),
    [
        ("message.sent", '"message/{by}/{at}"', "~message/2/1600000000"),
        ("message.sent", '"message/{room}/{id}"', "message/1/7"),
        ("message.sent", '{of: ["message/{missing}", "~message/{by}/{at}"]}', "~message/2/1600000000"),
        ("member.joined", '"joined/{author}"', "joined/2"),
    ],
    ids=["of a place of the account", "of others", "marked by hand", "of a kind whose ids all become pseudonyms"],
)
def test_an_id_gets_the_mark_where_it_is_made_of_the_account(kind: str, event_id: str, made: str):
    assert with_ids(event_id, kind=kind).decode([PAYLOAD]).events["event_id"].to_list() == [made]


def test_an_id_that_others_refer_to_is_refused_without_the_mark():
    with pytest.raises(MappingError, match=r"message_id .* is made of the account"):
        with_ids('"message/{id}"', message_id="{author}/{at}")
    marked = with_ids('"message/{id}"', message_id="~{author}/{at}").decode([PAYLOAD]).events
    assert marked["message_id"].to_list() == ["~2/1600000000"]
