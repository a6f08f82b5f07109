"""Exports of WeChat groups by five tools; the cases are the traps of each."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from pipelines.carriers.readers import encoding
from pipelines.carriers.readers.notices import UNKNOWN_NAMES
from tests.pipelines.carriers.readers.reading import KEEPING, OPTIONS, Read, sample

GROUP = "10000000001@chatroom"
ME = replace(OPTIONS, self_id="wxid_me")


@pytest.fixture
def read(tmp_path):
    def reading(content: object, options=OPTIONS, name: str = "Tea lovers.json") -> Read:
        file = tmp_path / name
        file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return Read(file, options)

    return reading


def table(*rows: Sequence[object]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()


def chatlog(seq: int = 1767222000001, content: str = "hello", **fields: object) -> dict:
    return {
        "seq": seq, "time": "2026-01-01T07:00:00+08:00", "talker": GROUP, "talkerName": "Tea", "isChatRoom": True,
        "sender": "wxid_a", "senderName": "Ann", "isSelf": False, "type": 1, "subType": 0, "content": content, **fields,
    }  # fmt: skip


def test_chatlog_messages_have_the_identity_of_group_and_sequence():
    found = sample("wechat_chatlog/CONSTRUCTED_messages.json")
    assert found.keys[0] == f"wechat:{GROUP}/1767222000001"
    assert [one["messages"][0]["seq"] for one in found.payloads] == [
        1767222000001,
        1767222000002,
        1767222060001,
        1767222120001,
    ]


def test_the_body_of_a_chatlog_webhook_gives_what_the_list_gives():
    body, listed = sample("wechat_chatlog/CONSTRUCTED_webhook.json"), sample("wechat_chatlog/CONSTRUCTED_messages.json")
    assert body.payloads == listed.payloads[:1]


def test_a_quoted_message_is_no_message_and_its_text_does_not_leave(read):
    found = read(
        [chatlog(type=49, subType=57, contents={"refer": chatlog(content="SECRET", time="2020-01-01T00:00:00Z")})]
    )
    assert len(found.payloads) == 1
    assert "SECRET" not in json.dumps(found.payloads)
    assert "2020" not in json.dumps(found.payloads)


def test_content_of_media_is_not_measured(read):
    found = read(
        [
            chatlog(type=3, content="![image](http://127.0.0.1:5030/image/x)"),
            chatlog(type=49, subType=6, content="x.pdf"),
        ]
    )
    assert [one["messages"][0]["content"] for one in found.payloads] == [None, None]


def test_a_chatlog_notice_names_a_member_that_has_spoken(read):
    notice = chatlog(type=10000, sender="系统消息", senderName="", content='"Ann" 邀请 "Bo" 加入了群聊')
    found = read([notice, chatlog(sender="wxid_b", senderName="Bo")])
    assert found.payloads[0]["notice"]["members"] == [{"id": "wxid_b", "name": "Bo", "role": None}]


def test_private_chats_of_chatlog_are_left_out(read):
    found = read([chatlog(), chatlog(isChatRoom=False, talker="wxid_b")])
    assert (len(found.payloads), found.skipped) == (1, {"messages of private chats": 1})


def test_chatlog_csv_keeps_texts_of_several_lines_and_takes_times_to_be_of_the_zone():
    found = sample("wechat_chatlog_csv/CONSTRUCTED_messages.csv", KEEPING)
    assert (found.each("text"), found.each("time")) == (["line one\nline two"], [1767222000])


def test_system_rows_of_chatlog_csv_have_no_sender(read):
    rows = table(
        ["Time", "SenderName", "Sender", "TalkerName", "Talker", "Content"],
        ["2026-01-01 07:00:00", "", "系统消息", "Tea", GROUP, '"Ann"撤回了一条消息'],
        ["2026-01-01 07:00:01", "Ann", "wxid_a", "Tea", GROUP, "![图片](http://127.0.0.1/x)"],
        ["never", "Ann", "wxid_a", "Tea", GROUP, "x"],
    )
    found = read(rows, name="messages.csv")
    assert (found.each("kind"), found.each("sender", "id")) == (["system", "message"], [None, "wxid_a"])
    assert (found.each("message_kind"), found.skipped) == (["system", "other"], {"rows without a time": 1})


def test_weflow_messages_are_known_by_what_they_are():
    found = sample("wechat_weflow/CONSTRUCTED_group.json")
    assert found.each("message_kind") == ["text", "red_packet", "system"]
    assert found.each("sender", "id") == ["wxid_a", "wxid_owner", None]
    assert found.each("group", "id") == [GROUP] * 3


def weflow(*messages: dict, wxid: str = GROUP, **head: object) -> dict:
    session = {"wxid": wxid, "nickname": "Tea", "displayName": "Tea", "type": "群聊", "avatar": "A" * 3_000_000}
    return {**head, "session": session, "messages": list(messages)}


def spoken(content: object = "hi", kind: str = "文本消息", sender: str = "wxid_a", **fields: object) -> dict:
    return {
        "localId": 1, "createTime": 1767222000, "type": kind, "localType": 1, "content": content, "isSend": 0,
        "senderUsername": sender, "senderDisplayName": "Ann", **fields,
    }  # fmt: skip


def test_echotrace_and_weflow_with_a_large_avatar_are_known_by_their_first_keys(read):
    assert read(weflow(spoken())).reader == "wechat_weflow"
    assert read(weflow(spoken(), weflow={"version": "1.0"})).reader == "wechat_weflow"


def test_weflow_decides_by_the_id_what_is_a_group(read):
    found = read(weflow(spoken(), wxid="wxid_friend"))
    assert (found.payloads, found.skipped) == ([], {"private chats": 1})


def test_weflow_content_that_is_an_object_is_no_text(read):
    found = read(weflow(spoken({"title": "SECRET"})))
    assert (found.each("text"), "SECRET" in json.dumps(found.payloads)) == ([None], False)


def test_two_exports_of_one_group_by_weflow_count_once(read):
    first, second = read(weflow(spoken(localId=1))), read(weflow(spoken(localId=99, isSend=1)))
    assert first.each("_id") == second.each("_id")


def test_memotrace_rows_of_a_private_chat_have_nine_cells_under_twelve():
    found = sample("wechat_memotrace/CONSTRUCTED_private_short_rows.csv")
    assert (found.payloads, found.skipped) == ([], {"messages of private chats": 1})


def test_memotrace_reads_a_group_with_its_mark_and_texts_of_several_lines():
    found = sample("wechat_memotrace/CONSTRUCTED_group.csv", KEEPING)
    assert found.each("text")[:2] == ["hello", "two\nlines"]
    assert found.each("message_kind") == ["text", "text", "system"]
    assert found.repairs == {encoding.BYTE_ORDER_MARK: 1}


def test_memotrace_takes_the_name_of_the_file_for_the_group_and_measures_no_xml(read):
    header = [
        "localId",
        "TalkerId",
        "Type",
        "SubType",
        "IsSender",
        "CreateTime",
        "Status",
        "StrContent",
        "StrTime",
        "Remark",
        "NickName",
        "Sender",
    ]
    rows = table(header, [1, 7, 49, 57, 0, 1767222000, "", "<msg>SECRET</msg>", "", "", "Ann", "wxid_a"])
    found = read(rows, name="Tea lovers_utf8.csv")
    assert found.each("group", "id") == ["Tea lovers"]
    assert (found.each("message_kind"), found.each("text")) == (["text"], [None])


def test_pywxdump_leaves_own_messages_out_unless_it_is_said_whose_they_are():
    path = "wechat_pywxdump/CONSTRUCTED_page.csv"
    assert sample(path).skipped == {"own messages, since --self was not given": 1, UNKNOWN_NAMES: 1}
    assert sample(path, ME).each("sender", "id") == ["wxid_a", "wxid_me", None]


def test_pywxdump_pages_that_overlap_and_two_members_pages_count_once(read):
    header = ["id", "MsgSvrID", "type_name", "is_sender", "talker", "room_name", "msg", "src", "CreateTime"]
    theirs = table(header, [1, "7000000000000000001", "文本", 0, "wxid_me", GROUP, "hi", "", "2026-01-01 07:00:00"])
    mine = table(header, [9, "7000000000000000001", "文本", 1, "我", GROUP, "hi", "", "2026-01-01 07:00:00"])
    assert read(theirs, name="page.csv").payloads == read(mine, ME, name="page.csv").payloads


def test_pywxdump_json_reads_as_its_csv_and_a_quote_is_no_own_text(read):
    row = {
        "id": 1, "MsgSvrID": "7000000000000000001", "type_name": "引用回复", "is_sender": 0, "talker": "wxid_a",
        "room_name": GROUP, "msg": "yes\n\n[引用](2026-01-01)Bo:really?", "src": "",
        "CreateTime": "2026-01-01 07:00:00",
        "extra": {},
    }  # fmt: skip
    found = read([row], KEEPING)
    assert (found.reader, found.each("text")) == ("wechat_pywxdump", ["yes"])


def test_unknown_authors_are_counted(read):
    header = ["id", "MsgSvrID", "type_name", "is_sender", "talker", "room_name", "msg", "src", "CreateTime"]
    rows = table(header, [1, "7", "文本", 0, "未知", GROUP, "hi", "", "2026-01-01 07:00:00"])
    assert read(rows, name="page.csv").skipped == {"messages of unknown authors": 1}
