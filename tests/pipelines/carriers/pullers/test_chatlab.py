"""ChatLab's pull protocol: every message of every group once, whatever the pages, and what comes late."""

from __future__ import annotations

import pytest

from pipelines.carriers import CARRIERS
from pipelines.carriers.pullers import pullers
from pipelines.carriers.texts import Texts
from tests.pipelines.carriers.pullers.served import ChatLabServer, payloads, raw, rounds, said

TEXTS = Texts(b"key")
ALIKE = [said("a", 100, "+1") for _ in range(5)]


def api(**parts: str):
    return pullers()["chatlab"].open({"secret": "t0ken", **parts}, TEXTS)


def test_every_message_of_every_group_comes_once():
    server = ChatLabServer(
        {
            "g1": [said("a", 100 + n, f"text {n}", platformMessageId=f"m{n}") for n in range(5)],
            "g2": [said("b", 100, "hello", platformMessageId="x")],
            "p": [said("c", 100, "private")],
        }
    )
    pages = rounds(api(), server)
    assert [(one["chat"]["id"], one["_id"]) for one in payloads(pages)] == [
        ("g1", "m0"), ("g1", "m1"), ("g1", "m2"), ("g1", "m3"), ("g1", "m4"), ("g2", "x"),
    ]  # fmt: skip
    assert sum(page.skipped["private chats"] for page in pages) == 1
    assert {one.headers["authorization"] for one in server.requests} == {"Bearer t0ken"}


def test_the_carrier_decodes_what_it_brings():
    server = ChatLabServer({"g1": [said("a", 100, "hi @you"), said("", 101, "Zoe joined the group chat", kind=80)]})
    decoded = CARRIERS["chatlab"].decode([one.value for one in raw(rounds(api(), server))])
    assert decoded.rejected.is_empty()
    assert decoded.events["type"].to_list() == ["message.sent", "member.joined"]
    assert decoded.events["account_id"].to_list() == ["wechat:a", "wechat:w9"]


@pytest.mark.parametrize("page", [1, 2, 3, 4, 5, 6])
def test_messages_that_are_alike_are_told_apart_however_they_are_paged(page):
    whole = payloads(rounds(api(), ChatLabServer({"g": ALIKE}, page=10)))
    assert payloads(rounds(api(), ChatLabServer({"g": ALIKE}, page=page))) == whole
    assert len({one["_id"] for one in whole}) == 5


def test_the_next_round_brings_what_is_new_and_repeats_the_overlap_with_the_same_identities():
    server = ChatLabServer({"g": [*ALIKE, said("b", 900, "later")]})
    first = rounds(api(overlap="100"), server)
    server.messages["g"].append(said("c", 1000, "new"))
    server.messages["g"].append(said("d", 850, "late"))
    again = payloads(rounds(api(overlap="100"), server, first[-1].cursor))
    assert [one["message"]["content"] for one in again] == ["late", "later", "new"]
    assert again[1]["_id"] == payloads(first)[-1]["_id"]


def test_a_source_without_sync_is_paged_by_time():
    messages = [said("a", 1000 + n, "text", platformMessageId=str(n)) for n in range(2500)]
    found = payloads(rounds(api(), ChatLabServer({"g": messages}, sync=False)))
    assert {int(one["_id"]) for one in found} == set(range(2500))


def test_a_group_that_is_gone_is_left_out():
    server = ChatLabServer({"g1": ALIKE, "g2": [said("b", 1, "x")]})
    cursor = rounds(api(), server)[-1].cursor
    del server.messages["g1"]
    pages = rounds(api(), server, cursor)
    assert sum(page.skipped["groups that are gone"] for page in pages) == 1
    assert "session/g1" not in pages[-1].cursor


def test_only_the_groups_that_are_named_are_read():
    server = ChatLabServer({"g1": ALIKE, "g2": [said("b", 1, "x", platformMessageId="2")]})
    assert [one["_id"] for one in payloads(rounds(api(sessions="g2, g3"), server))] == ["2"]


def test_a_round_that_was_cut_goes_on_with_the_same_payloads():
    server = ChatLabServer({"g1": ALIKE, "g2": ALIKE, "g3": [said("a", 5, "x")]})
    pages = rounds(api(), server)
    for n in range(len(pages) - 1):
        rest = rounds(api(), server, pages[n].cursor)
        assert payloads(rest) == payloads(pages[n + 1 :])
