"""qq-chat-exporter's three generations; the cases are the traps that they have."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pipelines.carriers.readers.base import UnreadableExport
from pipelines.carriers.readers.formats.qq_chat_exporter import AT_EXPORT
from tests.pipelines.carriers.readers.reading import KEEPING, OPTIONS, Read, sample

EARLY = "qq_chat_exporter/CONSTRUCTED_single_early4.json"
LATER = "qq_chat_exporter/CONSTRUCTED_single_later4.json"
CHUNKED = "qq_chat_exporter/chunked"


def message(number: str = "1", uid: str = "u_a", uin: str | None = "10001", text: str = "hi", **fields: object) -> dict:
    sender = {"uid": uid, "name": "Ann", **({} if uin is None else {"uin": uin})}
    return {
        "id": number,
        "timestamp": 1767222000000,
        "sender": sender,
        "type": "text",
        "content": {"text": text},
        **fields,
    }


@pytest.fixture
def read(tmp_path):
    def reading(*messages: dict, options=OPTIONS, name="chat.json", kind="group", **head: object) -> Read:
        chat = {"name": "Tea", "type": kind}
        document = {"metadata": {"name": "QQChatExporter V5", **head}, "chatInfo": chat, "messages": list(messages)}
        (tmp_path / name).write_text(json.dumps(document))
        return Read(tmp_path / name, options)

    return reading


def test_one_message_in_three_generations_is_one_event():
    assert sample(EARLY).each("_id")[0] == sample(LATER).each("_id")[0] == sample(CHUNKED).each("_id")[0]
    assert sample(EARLY).each("time")[0] == sample(LATER).each("time")[0] == 1767222000


def test_a_member_has_one_key_whether_or_not_a_row_shows_the_number(read):
    found = read(message(uin=None), message("2"), message("3", uin="0"), message("4", uid="u_b", uin=None))
    assert found.each("sender", "id") == ["10001", "10001", "10001", "u_b"]


def test_the_group_is_what_is_said_or_the_number_in_the_name_of_the_file_or_its_name(read):
    assert read(message()).each("group", "id") == ["Tea"]
    assert read(message(), name="group_123456789_20260101_120000.json").each("group", "id") == ["123456789"]
    assert read(message(), options=replace(OPTIONS, group="20001")).each("group", "id") == ["20001"]


def test_a_recalled_message_and_its_recall_are_two_records():
    found = sample(LATER)
    assert found.each("kind") == ["message", "message", "recalled", "joined"]
    recall = found.payloads[2]
    assert (recall["recalled_id"], recall["time_quality"]) == (found.payloads[1]["message_id"], "bound")


def test_an_answer_names_what_it_answers_and_its_text_is_its_own():
    found = sample(LATER, KEEPING)
    assert (found.each("reply_to")[1], found.each("text")[1]) == ("7500000000000000001", "hi")


def test_a_time_that_is_that_of_the_export_is_a_bound(read):
    found = read(message(), message("2", timestamp=1767222100000), exportTime="2025-12-31T23:01:40.000Z")
    assert found.each("time_quality") == ["second", "bound"]
    assert found.repairs == {AT_EXPORT: 1}


def test_rows_that_failed_are_no_messages(read):
    assert read(message(type="error")).skipped == {"messages that failed when they were exported": 1}


def test_placeholders_are_not_measured(read):
    found = read(message(text="[图片: a.jpg]", type="image"), message("2", text="[图片] [图片]", content={
        "text": "[图片]", "resources": [{"type": "image", "filename": "SECRET.jpg"}]}))  # fmt: skip
    assert found.each("text") == [None, None]
    assert found.each("message_kind") == ["image", "image"]
    assert "SECRET" not in json.dumps(found.payloads)


def test_private_chats_are_left_out(read):
    assert read(message(), kind="private").skipped == {"private chats": 1}


def test_a_manifest_may_be_larger_than_what_is_sniffed_and_a_missing_part_is_named(tmp_path):
    folder = tmp_path / "export"
    (folder / "chunks").mkdir(parents=True)
    senders = [{"uid": f"u_{number}", "name": "x" * 100} for number in range(12_000)]
    manifest = {
        "statistics": {"senders": senders}, "metadata": {"name": "QQChatExporter"},
        "chatInfo": {"name": "Tea", "type": "group"},
        "chunked": {"format": "jsonl", "chunks": [{"fileName": "c1.jsonl"}, {"file": "c2.jsonl"}]},
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "chunks" / "c1.jsonl").write_text(json.dumps(message("1")) + "\n")
    (folder / "chunks" / "c2.jsonl").write_text(json.dumps(message("2")))
    assert Read(folder).each("message_id") == ["1", "2"]
    (folder / "chunks" / "c2.jsonl").unlink()
    with pytest.raises(UnreadableExport, match=r"c2\.jsonl"):
        Read(folder)


def test_rows_of_another_shape_end_nothing(read):
    found = read({"timestamp": 1767222000000, "sender": "x", "content": 7}, message())
    assert len(found.payloads) == 1
