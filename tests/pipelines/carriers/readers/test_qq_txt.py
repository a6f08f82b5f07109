"""QQ's text export; the cases are the traps that it has."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from pipelines.carriers.readers import encoding, text_lines
from pipelines.carriers.readers.notices import UNKNOWN_NAMES
from tests.pipelines.carriers.readers.reading import KEEPING, OPTIONS, Read, sample

HEAD = "消息记录(此消息记录为文本格式,不支持重新导入)\n\n消息对象:Tea lovers\n\n"
RULER = "=" * 64


@pytest.fixture
def read(tmp_path):
    def reading(text: str, options=KEEPING, codec: str = "utf-8") -> Read:
        file = tmp_path / "chat.txt"
        file.write_bytes((HEAD + text).encode(codec))
        return Read(file, options, "qq_txt")

    return reading


def test_the_number_is_the_last_bracket_and_levels_are_no_names():
    found = sample("qq_txt/CONSTRUCTED_group_24h.txt")
    assert found.each("sender", "id") == ["10001", "10009", None, "bo@example.com"]
    assert found.each("sender", "name") == ["Ann(x)", "Shop", "系统消息", "Bo"]


def test_a_join_is_what_the_system_says_of_a_name_that_has_an_id():
    found = sample("qq_txt/CONSTRUCTED_group_24h.txt")
    assert found.each("kind") == ["message", "message", "joined", "message"]
    assert found.payloads[2]["subject"] == {"id": "bo@example.com", "name": "Bo"}


def test_a_join_of_a_name_without_an_id_stays_a_notice_and_is_counted(read):
    found = read("2026-01-01 7:02:00 系统消息(10000)\nCy加入本群。\n")
    assert (found.each("kind"), found.skipped) == (["system"], {UNKNOWN_NAMES: 1})


def test_both_clocks_are_read():
    found = sample("qq_txt/CONSTRUCTED_group_ampm.txt")
    assert found.each("time") == [1767196805, 1767271418]


def test_lines_of_a_text_stay_together_and_blank_ones_at_its_end_do_not(read):
    found = read("2026-01-01 7:00:00 Ann(10001)\none\n\ntwo\n\n\n2026-01-01 7:00:01 Ann(10001)\nthree\n")
    assert found.each("text") == ["one\n\ntwo", "three"]


def test_what_looks_like_a_head_within_a_text_begins_no_record(read):
    pasted = "2026-01-01 7:00:00 Ann(10001)\nlook:\n2025-11-01 7:00:00 Bo(10002)\nold\n2026-01-01 6:59:00 he said\nx\n"
    found = read(pasted)
    assert found.each("sender", "id") == ["10001"]
    assert found.payloads[0]["text"].count("\n") == 4


def test_old_discussion_groups_show_names_only(read):
    found = read("2012-01-01 7:00:00 Ann\nhello\n\n2012-01-01 7:01:00 Bo\nhi\n")
    assert found.each("sender", "id") == ["Ann", "Bo"]


def test_one_file_holds_several_conversations_and_those_with_friends_are_left_out(read):
    def conversation(section: str, name: str) -> str:
        return f"\n{RULER}\n消息分组:{section}\n{RULER}\n消息对象:{name}\n{RULER}\n\n"

    text = (
        "2026-01-01 7:00:00 Ann(10001)\nhello\n"
        + conversation("我的群聊", "Coffee lovers")
        + "2025-01-01 7:00:00 Bo(10002)\nhi\n"
        + conversation("我的好友", "Cy")
        + "2026-01-01 7:00:00 Cy(10003)\nprivate\n"
    )
    found = read(text)
    assert found.each("group", "id") == ["Tea lovers", "Coffee lovers"]
    assert found.each("text") == ["hello", "hi"]
    assert found.skipped == {"messages of private chats": 1}


def test_messages_that_are_alike_in_one_second_are_two_and_the_same_ones_every_time(read):
    text = "2026-01-01 7:00:00 Ann(10001)\nhi\n\n2026-01-01 7:00:00 Ann(10001)\nhi\n"
    found = read(text)
    assert len(set(found.each("_id"))) == 2
    assert read(text).each("_id") == found.each("_id")


def test_the_old_code_page_is_read_and_named(read):
    found = read("2026-01-01 7:00:00 安(10001)\n你好\n", codec="gb18030")
    assert (found.each("text"), found.repairs) == (["你好"], {encoding.GB18030: 1})


def test_utf_16_is_read_and_named(read):
    found = read("2026-01-01 7:00:00 安(10001)\n你好\n", codec="utf-16")
    assert (found.each("text"), found.repairs) == (["你好"], {encoding.UTF_16: 1})


@pytest.mark.parametrize("size", [30, 64, 111, 1000])
def test_records_are_the_same_however_the_file_is_cut_into_blocks(read, monkeypatch, size):
    text = "".join(f"2026-01-01 7:0{n % 10}:00 Ann{n}(1001{n % 7})\nline {n}\n\nmore {n}\n\n" for n in range(40))
    whole = read(text)
    monkeypatch.setattr(encoding.texts, "__defaults__", (size,))
    assert read(text).payloads == whole.payloads


def test_media_are_kinds_and_their_placeholders_no_texts(read):
    found = read("2026-01-01 7:00:00 Ann(10001)\n[图片]\n\n2026-01-01 7:00:01 Ann(10001)\n[QQ红包]\n")
    assert found.each("message_kind") == ["image", "red_packet"]
    assert found.each("text") == [None, None]


def test_an_hour_that_a_clock_never_showed_is_an_hour_later(read):
    options = replace(OPTIONS, zone=ZoneInfo("Europe/Berlin"))
    found = read("2026-03-29 2:30:00 Ann(10001)\nhi\n", options)
    assert found.each("time") == [1774747800]


def test_windows_line_ends_are_no_text(read):
    assert read("2026-01-01 7:00:00 Ann(10001)\r\none\r\ntwo\r\n").each("text") == ["one\ntwo"]


def test_a_record_without_an_end_does_not_grow_without_bounds(read, monkeypatch):
    monkeypatch.setattr(text_lines, "_MOST_CHARACTERS", 1000)
    monkeypatch.setattr(encoding.texts, "__defaults__", (500,))
    found = read("2026-01-01 7:00:00 Ann(10001)\n" + "x\n" * 5000 + "2026-01-01 7:00:01 Bo(10002)\nhi\n")
    assert found.each("sender", "id") == ["10001", "10002"]
