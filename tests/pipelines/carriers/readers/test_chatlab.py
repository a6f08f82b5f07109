"""ChatLab's interchange format; the cases are the traps that it has."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pipelines.carriers.readers.notices import UNKNOWN_NAMES
from tests.pipelines.carriers.readers.reading import OPTIONS, Read, sample

GROUP = "chatlab/CONSTRUCTED_group.jsonl"
META = {"name": "Tea lovers", "platform": "wechat", "type": "group", "groupId": "1@chatroom"}


def message(
    sender: str = "a", second: int = 1767222000, kind: int = 0, content: str | None = "hi", **fields: object
) -> dict:
    return {"sender": sender, "accountName": sender, "timestamp": second, "type": kind, "content": content, **fields}


@pytest.fixture
def read(tmp_path):
    def reading(*messages: dict, meta=META, members=(), options=OPTIONS, name="chat.json") -> Read:
        file = tmp_path / name
        document = {"chatlab": {"version": "0.0.2"}, "meta": meta, "members": list(members), "messages": list(messages)}
        file.write_text(json.dumps(document))
        return Read(file, options)

    return reading


def test_a_document_and_its_lines_give_the_same_payloads(tmp_path, read):
    lines = sample(GROUP)
    rows = [json.loads(line) for line in (lines.found[0].source.head).splitlines() if not line.startswith(b"#")]
    head, others = rows[0], [{name: row[name] for name in row if name != "_type"} for row in rows[1:]]
    members = [row for row in others if "roles" in row or ("groupNickname" in row and "sender" not in row)]
    assert (
        read(*(row for row in others if "sender" in row), meta=head["meta"], members=members).payloads == lines.payloads
    )


def test_comments_are_passed_over_and_the_platform_begins_keys():
    found = sample(GROUP)
    assert found.keys[0] == "wechat:10000000001@chatroom/m1"
    assert len(found.payloads) == 5


def test_a_message_without_an_id_has_one_of_its_own_and_the_same_twice(read):
    found = read(message(), message(), message(second=1767222001))
    assert len(set(found.each("_id"))) == 3
    assert read(message(), message(), message(second=1767222001)).each("_id") == found.each("_id")


def test_overlapping_exports_give_the_messages_they_share_one_id(read):
    first, second = read(message(), message("b"), message("c")), read(message("b"), message("c"), message("d"))
    assert first.each("_id")[1:] == second.each("_id")[:2]


def test_a_join_in_words_is_of_the_member_of_that_name(read):
    notice = message("system", kind=80, content='"Ann" invited "Bo" to the group chat')
    members = [
        {"platformId": "b", "accountName": "Bo"},
        {"platformId": "c", "accountName": "Cy", "groupNickname": "Bo 2"},
    ]
    assert read(notice, members=members).each("notice") == [
        {"kind": "joined", "members": [{"id": "b", "name": "Bo", "role": None}]}
    ]


def test_members_may_stand_behind_messages(tmp_path):
    file = tmp_path / "chat.json"
    notice = message("system", kind=80, content='"Bo"通过扫描二维码加入群聊')
    file.write_text(
        json.dumps(
            {"chatlab": {"version": "0.0.1"}, "messages": [notice], "meta": META,
             "members": [{"platformId": "b", "accountName": "Bo"}]}
        )
    )  # fmt: skip
    assert Read(file).payloads[0]["notice"]["members"][0]["id"] == "b"


def test_an_unknown_name_is_counted(read):
    notice = message("system", kind=80, content='"Ann" invited "Bo" to the group chat')
    assert read(notice).skipped == {UNKNOWN_NAMES: 1}


def test_a_group_without_an_id_goes_by_its_name_or_by_what_is_said(read):
    meta = {"name": "Tea lovers", "platform": "qq", "type": "group"}
    found = read(message(), meta=meta)
    assert found.each("chat", "id") == ["Tea lovers"]
    assert "--group" in found.found[0].sniffed.limits[0]
    assert read(message(), meta=meta, options=replace(OPTIONS, group="20001")).each("chat", "id") == ["20001"]


def test_a_private_chat_is_left_out_unless_it_is_asked_for(read):
    found = read(message(), meta={**META, "type": "private"})
    assert (found.payloads, found.skipped) == ([], {"private chats": 1})


def test_no_text_leaves_the_reader_and_placeholders_are_not_measured(read):
    found = read(message(content="SECRET"), message(kind=1, content="SECRET.jpg"), message(kind=80, content="SECRET"))
    assert "SECRET" not in json.dumps(found.payloads)
    assert found.each("message", "content", "length") == [6, None, None]


def test_an_avatar_of_megabytes_is_neither_kept_nor_in_the_way(read):
    members = [{"platformId": "b", "accountName": "Bo", "avatar": "data:image/png;base64," + "A" * 3_000_000}]
    found = read(message("b"), members=members)
    assert found.reader == "chatlab"
    assert len(json.dumps(found.payloads)) < 1000
