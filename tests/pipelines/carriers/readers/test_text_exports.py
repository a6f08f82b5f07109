"""WhatsApp's and LINE's text exports; the cases are the traps that they have."""

from __future__ import annotations

import zipfile
from dataclasses import replace

import pytest

from pipelines.carriers.readers import encoding
from pipelines.carriers.readers.base import UnreadableExport
from tests.pipelines.carriers.readers.reading import KEEPING, OPTIONS, Read, sample


@pytest.fixture
def whatsapp(tmp_path):
    def reading(text: str, options=KEEPING, name: str = "WhatsApp Chat with Tea lovers.txt") -> Read:
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        return Read(file, options)

    return reading


@pytest.fixture
def line(tmp_path):
    def reading(text: str, options=KEEPING, head: str = "[LINE] Chat history in Tea lovers\nSaved on: x\n\n") -> Read:
        file = tmp_path / "line.txt"
        file.write_text(head + text, encoding="utf-8")
        return Read(file, options)

    return reading


def test_both_phones_and_three_orders_of_dates_are_read():
    android, ios, chinese = (
        sample(f"whatsapp_txt/CONSTRUCTED_{name}.txt") for name in ("android_dmy", "ios_mdy_ampm", "ios_zh")
    )
    assert android.each("time")[3] == 1768258920
    assert ios.each("time")[0] == chinese.each("time")[0] == 1768302125
    assert (android.each("time_quality")[0], ios.each("time_quality")[0]) == ("minute", "second")


def test_the_order_of_dates_is_decided_for_the_whole_file(whatsapp):
    found = whatsapp("05/06/26, 07:00 - Ann: a\n13/06/26, 07:00 - Ann: b\n")
    assert found.each("time") == [1780614000, 1781305200]


def test_dates_that_would_run_backwards_decide_too(whatsapp):
    found = whatsapp("1/2/26, 07:00 - Ann: a\n2/1/26, 07:00 - Ann: b\n")
    assert found.each("time") == [1767308400, 1769900400] or found.each("time")[1] > found.each("time")[0]


def test_an_order_that_nothing_shows_is_asked_for(whatsapp):
    text = "05/06/26, 07:00 - Ann: a\n06/07/26, 07:00 - Ann: b\n"
    with pytest.raises(UnreadableExport, match="--date-order"):
        whatsapp(text)
    assert whatsapp(text, replace(KEEPING, date_order="dmy")).each("time")[0] == 1780614000
    assert whatsapp(text, replace(KEEPING, date_order="mdy")).each("time")[0] == 1778022000


def test_system_lines_join_and_leave_and_a_title_with_a_colon_is_no_name():
    found = sample("whatsapp_txt/CONSTRUCTED_android_dmy.txt")
    assert found.each("kind") == ["system", "system", "joined", "message", "message", "left"]
    assert found.payloads[2]["subject"]["id"] == "+86 100 0000 0001"
    assert found.payloads[5]["subject"]["id"] == "Bo"


def test_push_names_lose_their_mark_and_media_are_kinds():
    found = sample("whatsapp_txt/CONSTRUCTED_ios_mdy_ampm.txt")
    assert found.each("sender", "id") == ["Ann", "Bo", "Ann"]
    assert found.each("message_kind") == ["text", "image", "other"]
    assert found.each("text")[1:] == [None, None]


def test_you_is_who_made_the_export(whatsapp):
    text = "13/01/26, 07:00 - You: hi\n13/01/26, 07:01 - You added Bo\n13/01/26, 07:01 - Bo added you\n"
    found = whatsapp(text, replace(KEEPING, self_id="Shop"))
    assert found.payloads[0]["sender"]["id"] == "Shop"
    assert found.payloads[2]["subject"]["id"] == "Shop"


@pytest.mark.parametrize(
    ("clock", "expected"),
    [("12:05 AM", 5), ("12:05 p.m.", 725), ("1:05\u202fPM", 785), ("上午12:05", 5), ("下午1:05", 785), ("13.05", 785)],
)
def test_clocks_of_many_phones(whatsapp, clock, expected):
    assert whatsapp(f"[13/01/2026, {clock}] Ann: hi\n").each("time") == [1768233600 + 60 * expected]


def test_heads_with_white_space_of_any_kind_stay_in_the_order_of_the_file(whatsapp):
    heads = (
        "13/01/26, 07:00 - ",
        "\u200e13/01/26,\u00a007:01\u202f-\u00a0",
        "[13/01/26, 07:02]\u00a0",
        "[13/01/26, 07:03] ",
    )
    found = whatsapp("".join(f"{head}Ann: a - b] {number}\n" for number, head in enumerate(heads)))
    assert found.each("time") == [1768258800 + 60 * number for number in range(4)]
    assert found.each("text") == [f"a - b] {number}" for number in range(4)]


def test_texts_keep_their_lines_lose_the_mark_of_an_edit_and_pasted_heads_begin_nothing(whatsapp):
    ann = "13/01/26, 07:00 - Ann: see\n01/01/25, 07:00 - Bo: old\nend <This message was edited>\n"
    assert whatsapp(ann + "13/01/26, 07:01 - Bo: b\n").each("text") == ["see\n01/01/25, 07:00 - Bo: old\nend", "b"]


def test_an_archive_with_its_text_is_named_after_the_archive(tmp_path):
    path = tmp_path / "WhatsApp Chat - Tea lovers.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_chat.txt", "[13/01/2026, 07:00:00] Ann: hi\n")
        archive.writestr("photo.jpg", b"\xff\xd8")
    found = Read(path)
    assert (found.reader, found.each("group", "id")) == ("whatsapp_txt", ["Tea lovers"])


@pytest.mark.parametrize("size", [40, 100, 333])
def test_records_of_whatsapp_are_the_same_however_the_file_is_cut(whatsapp, monkeypatch, size):
    text = "".join(f"13/01/26, 07:{n:02d} - Ann {n % 5}: text {n}\nmore\n" for n in range(60))
    whole = whatsapp(text)
    monkeypatch.setattr(encoding.texts, "__defaults__", (size,))
    assert whatsapp(text).payloads == whole.payloads
    assert len(whole.payloads) == 60


def test_line_in_two_languages():
    english, japanese = sample("line_txt/CONSTRUCTED_en.txt", KEEPING), sample("line_txt/CONSTRUCTED_ja.txt", KEEPING)
    assert english.each("time")[0] == japanese.each("time")[0] == 1768302120
    assert english.each("kind") == ["message", "message", "joined", "message"]
    assert english.each("text")[:2] == ["hello", "two\nlines"]
    assert japanese.payloads[1]["subject"] == {"id": "Bo", "name": "Bo"}
    assert english.each("group", "id")[0] == japanese.each("group", "id")[0] == "Tea lovers"


def test_the_date_goes_on_until_the_next_one_across_blocks(line, monkeypatch):
    days = "".join(
        f"2026/1/{day}(金)\n" + "".join(f"7:{minute:02d}\tAnn\ttext {minute}\n" for minute in range(30))
        for day in (1, 2, 3)
    )
    whole = line(days)
    assert len({time // 86_400 for time in whole.each("time")}) == 3
    monkeypatch.setattr(encoding.texts, "__defaults__", (64,))
    assert line(days).payloads == whole.payloads


def test_messages_without_a_date_are_refused(line):
    with pytest.raises(UnreadableExport, match="before any row of a date"):
        line("7:02\tAnn\thello\n")


def test_a_lone_quote_stays_and_doubled_quotes_become_one(line):
    found = line('2026/1/1(木)\n7:02\tAnn\t"hello\n7:03\tAnn\t"he said\n""no"""\n')
    assert found.each("text") == ['"hello', 'he said\n"no"']


def test_a_chat_with_one_person_is_left_out(line):
    found = line("2026/1/1(木)\n7:02\tAnn\thello\n", head="[LINE] Chat history with Ann\n\n")
    assert (found.payloads, found.skipped) == ([], {"private chats": 1})


def test_an_invitation_of_several_is_a_join_each(line):
    found = line("2026/1/1(木)\n7:04PM\t\tShop added Cy, Di and Ed to the group.\n", OPTIONS)
    assert found.each("subject", "id") == ["Cy", "Di", "Ed"]
    assert len(set(found.each("_id"))) == 3
