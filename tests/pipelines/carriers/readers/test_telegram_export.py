"""Telegram Desktop's export; the cases are the traps that its format has."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pipelines.carriers.readers.formats import telegram_export
from pipelines.carriers.readers.json_stream import TRUNCATED
from pipelines.carriers.readers.notices import UNKNOWN_NAMES
from tests.pipelines.carriers.readers.reading import KEEPING, OPTIONS, SAMPLES, Read, sample

GROUP = "telegram_export/CONSTRUCTED_supergroup.json"


def chat(*messages: dict, **head: object) -> dict:
    return {"name": "Tea lovers", "type": "private_supergroup", "id": 5, **head, "messages": list(messages)}


def message(number: int, name: str = "Ann", key: object = "user1", **fields: object) -> dict:
    return {
        "id": number, "type": "message", "date": "2026-01-01T07:00:00", "date_unixtime": "1767222000", "from": name,
        "from_id": key, "text": "hello", **fields,
    }  # fmt: skip


def service(number: int, action: str, actor: str = "Ann", key: str = "user1", **fields: object) -> dict:
    return {
        "id": number, "type": "service", "date_unixtime": "1767222000", "actor": actor, "actor_id": key,
        "action": action, "text": "", **fields,
    }  # fmt: skip


@pytest.fixture
def read(tmp_path):
    def reading(document: object, options=OPTIONS) -> Read:
        file = tmp_path / "result.json"
        file.write_text(document if isinstance(document, str) else json.dumps(document, ensure_ascii=False), "utf-8")
        return Read(file, options)

    return reading


def test_a_group_has_the_id_that_a_bot_in_it_sees(read):
    assert sample(GROUP).each("chat", "id") == ["-1001234567890"] * 5
    assert read(chat(message(1), type="private_group", id=77)).each("chat", "id") == ["-77"]


def test_a_member_has_the_id_that_a_bot_sees_in_old_and_new_exports(read):
    found = read(chat(message(1, key="user12"), message(2, key=12), message(3, key="channel7")))
    assert found.each("sender", "id") == ["12", "12", "-1007"]


def test_seconds_are_whole_and_a_time_without_them_is_of_the_zone(read):
    old = message(2)
    del old["date_unixtime"]
    found = read(chat(message(1), old))
    assert found.each("time") == [1767222000, 1767222000]
    assert found.repairs == {telegram_export.LOCAL_TIMES: 1}


def test_control_characters_in_hex_are_repaired_and_lose_nothing():
    found = sample("telegram_export/CONSTRUCTED_bad_escape.json", KEEPING)
    assert found.each("text") == ["bell \x07 here"]
    assert found.repairs == {telegram_export.HEX_ESCAPES: 1}


@pytest.mark.parametrize("size", range(1, 12))
def test_a_hex_escape_is_repaired_wherever_a_block_ends(read, monkeypatch, size):
    monkeypatch.setattr(
        telegram_export,
        "texts",
        lambda source, *_: (
            text[at : at + size] for text in [source.head.decode()] for at in range(0, len(text), size)
        ),
    )
    text = json.dumps(chat(message(1, text="TEXT"))).replace("TEXT", r"a\x07b \\x07 \\\x1b \" c")
    assert read(text, KEEPING).each("text") == ['a\x07b \\x07 \\\x1b " c']


def test_a_member_who_was_added_is_who_shows_the_name_beside_an_id(read):
    found = read(chat(service(1, "invite_members", members=["Bo"]), message(2, "Bo", "user2")))
    assert found.payloads[0]["members"] == [{"id": "2", "name": "Bo", "role": None}]


def test_a_name_of_two_people_or_of_nobody_stays_unknown(read):
    added = service(1, "invite_members", members=["Bo", "Cy", None])
    found = read(chat(added, message(2, "Bo", "user2"), message(3, "Bo", "user3")))
    members = [{"id": one["id"], "name": one["name"]} for one in found.payloads[0]["members"]]
    assert members == [
        {"id": None, "name": "Bo"},
        {"id": None, "name": "Cy"},
        {"id": None, "name": None},
    ]
    assert found.skipped == {UNKNOWN_NAMES: 3}


def test_who_leaves_is_who_acts():
    left = sample(GROUP).payloads[-1]
    assert left["message"]["action"] == "remove_members"
    assert left["members"] == [{**left["sender"], "role": None}] == [{"id": "2", "name": "Bo", "role": None}]


def test_a_post_signed_by_the_group_itself_is_of_the_company(read):
    found = read(chat(message(1, key="channel5"), message(2, key="user5")))
    assert found.each("role") == ["operator", None]


def test_people_of_the_company_are_known_by_id_or_name(read):
    found = read(
        chat(message(1, "Ann", "user1"), message(2, "Bo", "user2")), replace(OPTIONS, operators=frozenset({"2", "Ann"}))
    )
    assert found.each("role") == ["operator", "operator"]


def test_kinds_that_say_no_time_are_counted():
    assert sample(GROUP).skipped["messages of type unsupported"] == 1


def test_the_time_of_a_reaction_has_the_offset_of_its_message():
    (reaction,) = sample(GROUP).payloads[3]["reactions"]
    assert reaction == {"id": "1", "emoji": "👍", "time": 1767222240}


def test_a_text_in_pieces_is_measured_as_one_with_its_links():
    measures = sample(GROUP).payloads[3]["text"]
    assert (measures["length"], measures["links"], measures["mentions"]) == (len("see https://example.com/p/1"), 1, 0)
    assert sample(GROUP, KEEPING).payloads[3]["text"] == "see https://example.com/p/1"


def test_no_text_and_no_name_of_a_file_leaves_the_reader(read):
    spoken = message(
        1, text=[{"type": "plain", "text": "SECRET"}], text_entities=[{"type": "plain", "text": "SECRET"}],
        file="files/SECRET.pdf", file_name="SECRET.pdf", poll={"question": "SECRET"},
        contact_information={"first_name": "SECRET"}, title="SECRET",
    )  # fmt: skip
    assert "SECRET" not in json.dumps(read(chat(spoken)).payloads)


def test_a_whole_account_gives_its_groups_and_counts_private_chats(read):
    document = {
        "about": "",
        "personal_information": {"user_id": 1},
        "contacts": {"list": []},
        "chats": {
            "about": "",
            "list": [chat(message(1)), chat(message(1), id=6), chat(message(9), type="personal_chat")],
        },
        "left_chats": {"list": [chat(message(1), id=7)]},
    }
    found = read(document)
    assert found.each("chat", "id") == ["-1005", "-1006", "-1007"]
    assert found.skipped == {"private chats": 1}


def test_a_file_that_is_cut_off_gives_what_is_whole(read):
    text = json.dumps(chat(*(message(number) for number in range(20))))
    found = read(text[: text.index('"id": 18,') + 30])
    assert [one["message"]["id"] for one in found.payloads] == list(range(18))
    assert found.repairs == {TRUNCATED: 1}


def test_the_head_may_stand_behind_the_messages(read):
    document = {"messages": [message(1)], "id": 5, "name": "Tea lovers", "type": "private_supergroup"}
    assert read(document).each("chat", "id") == ["-1005"]


def test_messages_from_before_a_migration_keep_their_own_ids():
    assert sample(GROUP).keys[0] == "telegram:-1001234567890/-999999901"


def test_large_numbers_stay_exact(read):
    assert read(chat(message(2**53 + 1))).payloads[0]["message"]["id"] == 2**53 + 1


def test_an_item_that_no_parser_reads_loses_nothing_else(read):
    text = json.dumps(chat(message(1, text="BROKEN"), message(2))).replace('"BROKEN"', "nonsense")
    found = read(text)
    assert [one["message"]["id"] for one in found.payloads] == [2]
    assert sum(found.repairs.values()) == 1


def test_it_is_known_by_its_head(read):
    assert sample(GROUP).reader == "telegram_export"
    assert (SAMPLES / GROUP).stat().st_size == sample(GROUP).done
