"""What an operator reads."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.alerts.decide import Event, Known
from pipelines.alerts.messages import OutboxNotice, link, message, record, trial_notice
from tests.pipelines.alerts.samples import NOON, TODAY

KNOWN = Known(
    TODAY, "speakers at 40 % of usual", "Tea lovers", "retention", "dying",
    {"core": 3, "core_silent": ["p1", "p2"], "precedent": "2 of 3 dying groups recovered",
     "followed": ["Groups like this were alive again in 9 of 20 cases after a call, untreated 4 of 20"]},
)  # fmt: skip
DYING = OutboxNotice(17, 5, "firing", "group_dying", "wecom:1 a", "critical", KNOWN, NOON, NOON)


def many(count: int) -> list[OutboxNotice]:
    return [
        replace(DYING, notice_id=number, alert_id=number, known=replace(KNOWN, name=f"Group {number}"))
        for number in range(count)
    ]


def test_one_alert_says_which_group_since_when_why_who_fell_silent_and_what_helped_others():
    sent = message([DYING], "https://emberline.example/report/", 5000)
    assert sent.title == "Tea lovers is dying"
    assert sent.body.splitlines() == [
        "Tea lovers is dying, since 2026-03-02 (retention, wecom:1 a, critical).",
        "Why: speakers at 40 % of usual.",
        "Silent of the 3 who wrote half of the messages before: p1, p2.",
        "2 of 3 dying groups recovered.",
        "Groups like this were alive again in 9 of 20 cases after a call, untreated 4 of 20.",
        "Alert 5: emberline alerts ack 5, or snooze 5",
        "https://emberline.example/report/groups/wecom%3A1%20a",
    ]


def test_without_an_address_of_pages_there_is_no_link():
    assert "http" not in message([DYING], None, 5000).body
    assert record(DYING, None)["link"] is None


def test_a_feed_has_no_page():
    assert link(replace(DYING, rule="stale_feed"), "https://emberline.example") is None


@pytest.mark.parametrize(
    ("event", "state", "title"),
    [
        ("reminder", "dying", "Tea lovers is still dying"),
        ("recovered", "alive", "Tea lovers is no longer dying: alive"),
        ("closed", "ended", "Tea lovers is ended, and was dying"),
    ],
)
def test_each_event_has_its_words(event: Event, state: str, title: str):
    assert message([replace(DYING, event=event, known=replace(KNOWN, state=state))], None, 5000).title == title


def test_a_test_names_no_group_and_has_no_link():
    sent = message([trial_notice(NOON)], "https://emberline.example", 5000)
    assert sent.title == "emberline: a test of this channel, no group is concerned"
    assert sent.body == "Why: somebody asked for a test of the channels of alerts."


def test_a_group_without_a_name_is_named_by_its_id():
    assert message([replace(DYING, known=replace(KNOWN, name=None))], None, 5000).title == "wecom:1 a is dying"


def test_many_alerts_are_a_digest_that_names_each():
    sent = message([*many(9), replace(DYING, rule="group_dead"), DYING], None, 5000)
    assert sent.title == "11 alerts: 10 dying, 1 dead"
    assert sent.body.startswith("Dying (10):\n- Group 0, since 2026-03-02 (alert 0)\n- Group 1,")
    assert sent.body.count("\n- ") == 11


@given(st.integers(1, 300), st.integers(120, 4000))
def test_a_message_fits_and_all_are_told_in_order_after_some_messages(count: int, limit: int):
    rest, read = many(count), ""
    while rest:
        sent = message(rest, "https://emberline.example", limit)
        assert len((sent.title + sent.body).encode()) <= limit
        assert sent.notices >= 1
        read += f"{sent.title}\n{sent.body}\n"
        rest = rest[sent.notices :]
    named = dict.fromkeys(int(number) for number in re.findall(r"Group (\d+)", read))
    assert list(named) == list(range(count))


HOSTILE = "@everyone <!channel> <at user_id='all'> [a bank](https://bank.example) ```\x1b[2J\r\nBcc: x\u202e"


def test_a_name_calls_nobody_hides_no_link_and_breaks_no_line():
    known = replace(KNOWN, name=HOSTILE, purpose="<b>@here", reason="said\x1b[2J")
    sent = message([replace(DYING, subject="app:<@1>\n", known=known)], None, 5000)
    assert not re.search(r"[@<>`\x1b\r\u202e]|\]\(", sent.title + sent.body)
    assert "\n" not in sent.title
    assert sent.body.count("\n") == 5
    assert record(replace(DYING, known=known), None)["name"] == HOSTILE


def test_a_name_of_a_megabyte_leaves_room_for_what_is_said_of_it():
    sent = message([replace(DYING, known=replace(KNOWN, name="x" * 2**20))], None, 2048)
    assert f"{'x' * 79}… is dying, since 2026-03-02" in sent.body


def test_bytes_count_and_not_letters():
    chinese = replace(DYING, known=replace(KNOWN, name="茶友会" * 30, reason="发言人数下降" * 300))
    sent = message([chinese], None, 2048)
    assert len((sent.title + sent.body).encode()) <= 2048
    assert sent.body.endswith("…")
