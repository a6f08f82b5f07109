"""Exports of Discord, Slack, Zulip, Matrix, Mattermost and mailing lists; the cases are the traps of each."""

from __future__ import annotations

import json
import shutil
import zipfile

import pytest

from pipelines.carriers.readers.formats import mbox
from tests.pipelines.carriers.readers.reading import KEEPING, OPTIONS, SAMPLES, Read, sample

DISCORD = "discord_chat_exporter/CONSTRUCTED_channel.json"
SLACK = "slack_export/workspace"
ZULIP = "zulip_export/organization"


@pytest.fixture
def changed(tmp_path):
    """A copy of a sample with its text changed."""

    def changing(name: str, *pairs: tuple[str, str], options=OPTIONS) -> Read:
        path = tmp_path / (SAMPLES / name).name
        text = (SAMPLES / name).read_text()
        for old, new in pairs:
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)
        return Read(path, options)

    return changing


def test_discord_keeps_ids_as_texts_and_makes_no_text_of_its_own_sentences():
    found = sample(DISCORD, KEEPING)
    assert found.each("message", "id") == ["1456059345241374720", "1456059596144640000", "1456059847802880000"]
    assert found.each("message", "content") == [None, "hello @everyone", None]


def test_discord_bots_and_answers_and_reactions():
    found = sample(DISCORD)
    assert found.each("message", "author", "isBot") == [False, False, True]
    assert found.each("message", "reference", "messageId")[1] == "1456059345241374720"
    assert found.each("reactions")[1] == [{"id": "1000000000000000001", "is_bot": False, "emoji": "💯"}]


def test_direct_messages_of_discord_are_left_out(changed):
    found = changed(DISCORD, ("GuildTextChat", "DirectTextChat"))
    assert (found.payloads, found.skipped) == ([], {"private chats": 1})


def test_discord_csv_takes_the_channel_from_the_name_of_the_file():
    found = sample("discord_chat_exporter_csv/CONSTRUCTED_Tea - general [1400000000000000002].csv", KEEPING)
    assert found.each("group", "id") == ["1400000000000000002"] * 2
    assert (found.each("text"), found.each("time")) == (["hello\nthere", None], [1767222000, 1767222060])


def test_slack_has_the_channel_by_its_folder_and_the_time_as_a_text():
    found = sample(SLACK)
    assert found.each("chat", "id") == ["C1"] * 4
    assert found.each("message", "ts")[1] == "1767222060.000200"


def test_slack_counts_an_answer_once_and_marks_of_a_text():
    found = sample(SLACK)
    assert len(found.payloads) == 4
    assert found.each("message", "text", "links") == [None, 1, 0, 0]
    assert found.each("role") == [None, None, None, "bot"]


def test_slack_in_a_zip_is_the_same_and_private_chats_are_left_out(tmp_path):
    folder = tmp_path / "workspace"
    shutil.copytree(SAMPLES / SLACK, folder)
    (folder / "D9").mkdir()
    (folder / "D9" / "2026-01-01.json").write_text('[{"type": "message", "user": "U1", "ts": "1.1", "text": "SECRET"}]')
    path = tmp_path / "Export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.json")):
            archive.write(file, file.relative_to(folder))
    found = Read(path)
    assert found.payloads == sample(SLACK).payloads
    assert found.skipped == {"days of private chats": 1}


def test_a_comment_on_a_file_in_slack_has_its_author(tmp_path):
    folder = tmp_path / "workspace"
    shutil.copytree(SAMPLES / SLACK, folder)
    comment = {"type": "message", "subtype": "file_comment", "ts": "1.1", "comment": {"user": "U7"}, "text": "x"}
    (folder / "tea" / "2026-01-02.json").write_text(json.dumps([comment]))
    assert Read(folder).payloads[-1]["message"]["comment"] == {"user": "U7"}


def test_zulip_tells_joins_and_leaves_with_their_times():
    found = sample(ZULIP)
    changes = [one["audit"] for one in found.payloads if "audit" in one]
    assert [(one["kind"], one["time"]) for one in changes] == [
        ("joined", "2025-12-31T22:43:20.500000Z"), ("left", "2025-12-31T23:50:00.000000Z"),
    ]  # fmt: skip


def test_zulip_messages_are_of_streams_in_whole_seconds_and_private_ones_left_out():
    found = sample(ZULIP)
    messages = [one["message"] for one in found.payloads if "message" in one]
    assert [(one["id"], one["seconds"], one["edited"]) for one in messages] == [
        (901, 1767222060, None), (900, 1767222000, 1767222010),
    ]  # fmt: skip
    assert found.skipped == {"messages of private chats": 1}
    assert found.payloads[-1]["reactions"] == [{"id": 10, "emoji": "heart"}]


def test_a_change_of_a_profile_in_matrix_is_no_join(changed):
    old = '{"type":"m.room.message","sender":"@ann:example.com","content":{"msgtype":"m.text"'
    again = json.dumps(
        {"type": "m.room.member", "sender": "@ann:example.com", "state_key": "@ann:example.com",
         "content": {"membership": "join", "displayname": "Annie"}, "origin_server_ts": 1767222050000, "event_id": "$9",
         "room_id": "!tea:example.com", "unsigned": {}}
    ) + ","  # fmt: skip
    found = changed("matrix_export/CONSTRUCTED_room.json", (old, again + old))
    assert found.each("change")[:2] == ["joined", None]


def test_a_redacted_event_of_matrix_stays_and_tells_its_redaction():
    redacted = sample("matrix_export/CONSTRUCTED_room.json").payloads[2]
    assert redacted["redacted"] == {"event_id": "$4", "sender": "@ann:example.com", "origin_server_ts": 1767222100000}
    assert redacted["event"]["text"] is None


def test_an_edit_in_matrix_names_what_it_replaces(changed):
    edit = '"content":{"msgtype":"m.text","m.relates_to":{"rel_type":"m.replace","event_id":"$1"}'
    found = changed("matrix_export/CONSTRUCTED_room.json", ('"content":{"msgtype":"m.text"', edit))
    assert found.each("replaces") == [None, "$1", None]


def test_mattermost_answers_are_posts_that_name_their_first():
    found = sample("mattermost_export/CONSTRUCTED_export.jsonl", KEEPING)
    assert found.each("kind") == ["joined", "message", "message", "message"]
    assert found.each("reply_to") == [None, None, found.payloads[1]["_id"], found.payloads[1]["_id"]]
    assert found.each("text") == [None, "hello", "later", "earlier"]


def test_an_old_export_of_mattermost_says_a_join_in_words(changed):
    found = changed("mattermost_export/CONSTRUCTED_export.jsonl", ('"type":"system_join_channel"', '"type":""'))
    assert (found.payloads[0]["kind"], found.payloads[0]["member"]) == ("joined", "ann")


def test_nothing_of_mattermost_may_be_null_and_end_the_import(changed):
    nulls = ('"reactions":[],"replies":[]', '"reactions":null,"replies":null')
    found = changed("mattermost_export/CONSTRUCTED_export.jsonl", nulls)
    assert len(found.payloads) == 4


def test_mails_have_their_own_texts_and_ids():
    found = sample("mbox/CONSTRUCTED_list.mbox", KEEPING)
    assert found.each("text") == ["hello\nFrom here on", "hi"]
    assert found.each("message_id") == ["a1@example.com", "b1@example.com"]
    assert found.each("reply_to") == [None, "a1@example.com"]


def test_a_mail_from_the_future_is_bounded_by_its_newest_receipt(changed):
    received = "Received: from x by y; Thu, 1 Jan 2026 07:00:05 +0800\nDate: Fri, 1 Jan 2027 07:00:00 +0800"
    found = changed("mbox/CONSTRUCTED_list.mbox", ("Date: Thu, 1 Jan 2026 07:00:00 +0800", received))
    assert (found.each("time")[0], found.each("time_quality")[0]) == (1767222005, "bound")
    assert found.repairs == {mbox.CLOCKS: 1}


def test_a_mail_without_an_id_is_known_by_what_it_is_and_one_of_no_list_left_out(changed):
    found = changed("mbox/CONSTRUCTED_list.mbox", ("Message-ID: <a1@example.com>\n", ""))
    assert found.repairs == {mbox.NO_ID: 1}
    assert changed("mbox/CONSTRUCTED_list.mbox", ("List-Id: Tea <tea.example.com>\n", "")).skipped == {
        "mails of no list": 2
    }


def test_one_mail_to_two_lists_is_two_messages(changed):
    other = changed("mbox/CONSTRUCTED_list.mbox", ("tea.example.com", "coffee.example.com"))
    assert not {*other.each("_id")} & {*sample("mbox/CONSTRUCTED_list.mbox").each("_id")}
