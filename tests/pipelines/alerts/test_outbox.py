"""Pending notices are delivered once in each channel, in order, whatever fails in between."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Sequence

import pytest

from pipelines.alerts.channels import AppriseChannel, ChannelFailed
from pipelines.alerts.ledger import AlertLedger
from pipelines.alerts.messages import OutboxNotice
from pipelines.alerts.outbox import Delivered, Outbox
from pipelines.alerts.rules import RULES
from tests.pipelines.alerts.receiver import Receiver
from tests.pipelines.alerts.samples import HOUR, NOON, POLICY, judged

SECOND = dt.timedelta(seconds=1)


class Diary:
    """A channel that takes so many notices a message, remembers them, and fails on demand."""

    name = "ops"

    def __init__(self, at_once: int = 100) -> None:
        self.at_once, self.fails = at_once, False
        self.notices: list[tuple[str, str]] = []

    def send(self, notices: Sequence[OutboxNotice]) -> int:
        if self.fails:
            raise ChannelFailed("It is down.", "Wait.")
        taken = notices[: self.at_once]
        self.notices += [(one.subject, one.event) for one in taken]
        return len(taken)


def fire(url: str, *subjects: str, holds: bool = True, now: dt.datetime = NOON) -> None:
    AlertLedger(url).update(lambda _open: [judged(holds, *subjects)], POLICY, ["ops"], now, rules=RULES)


def test_many_go_together_and_none_twice(prepared: str):
    fire(prepared, *"abcde")
    outbox, diary = Outbox(prepared), Diary(at_once=2)
    assert outbox.deliver(diary, NOON) == Delivered(notices=5, messages=3)
    assert outbox.deliver(diary, NOON) == Delivered()
    assert diary.notices == [(name, "firing") for name in "abcde"]


def test_no_more_messages_are_sent_at_once_than_allowed(prepared: str):
    fire(prepared, *"abcde")
    outbox, diary = Outbox(prepared), Diary(at_once=1)
    assert outbox.deliver(diary, NOON, messages=2).notices == 2
    assert outbox.waiting()[0].notices == 3


def test_what_a_channel_refuses_waits_longer_each_time_and_is_not_lost(prepared: str):
    fire(prepared, "a")
    outbox, diary = Outbox(prepared), Diary()
    diary.fails = True
    minutes = [0.5, 1, 2, 4, 8, 15, 15]
    now = NOON
    for wait in minutes:
        assert outbox.deliver(diary, now).error == "It is down."
        now += wait * 60 * SECOND
        assert outbox.deliver(diary, now - SECOND) == Delivered()
    diary.fails = False
    assert outbox.deliver(diary, now).notices == 1


def test_a_recovery_waits_behind_the_alert_that_its_channel_has_not_taken(prepared: str):
    fire(prepared, "a")
    outbox, diary = Outbox(prepared), Diary()
    diary.fails = True
    outbox.deliver(diary, NOON)
    diary.fails = False
    fire(prepared, "a", holds=False, now=NOON + 10 * SECOND)
    assert outbox.deliver(diary, NOON + 20 * SECOND) == Delivered()
    assert outbox.deliver(diary, NOON + 30 * SECOND).notices == 2
    assert diary.notices == [("a", "firing"), ("a", "recovered")]


def test_what_waits_is_shown_with_its_error(prepared: str):
    fire(prepared, "a", "b")
    outbox, diary = Outbox(prepared), Diary()
    diary.fails = True
    outbox.deliver(diary, NOON + HOUR)
    [waiting] = outbox.waiting()
    assert (waiting.channel, waiting.notices, waiting.since, waiting.error) == ("ops", 2, NOON, "It is down.")


def test_two_that_deliver_at_once_tell_nothing_twice(prepared: str):
    fire(prepared, *"abcdefgh")
    entered, may_go_on = threading.Event(), threading.Event()

    class Slow(Diary):
        def send(self, notices: Sequence[OutboxNotice]) -> int:
            entered.set()
            assert may_go_on.wait(30)
            return super().send(notices)

    slow, other = Slow(), Diary()
    thread = threading.Thread(target=lambda: Outbox(prepared).deliver(slow, NOON))
    thread.start()
    assert entered.wait(30)
    assert Outbox(prepared).deliver(other, NOON) == Delivered()
    may_go_on.set()
    thread.join()
    assert (len(slow.notices), other.notices) == (8, [])


def test_a_crash_between_sending_and_noting_sends_again(prepared: str):
    class Crash(Diary):
        def send(self, notices: Sequence[OutboxNotice]) -> int:
            super().send(notices)
            raise KeyboardInterrupt

    fire(prepared, "a")
    with pytest.raises(KeyboardInterrupt):
        Outbox(prepared).deliver(Crash(), NOON)
    assert Outbox(prepared).deliver(Diary(), NOON).notices == 1


def test_a_service_that_is_down_gets_it_once_when_it_is_back(prepared: str, receiver: Receiver):
    fire(prepared, "a", "b")
    outbox, channel = Outbox(prepared), AppriseChannel("ops", receiver.url)
    receiver.accepts = False
    assert outbox.deliver(channel, NOON).error is not None
    receiver.accepts = True
    assert outbox.deliver(channel, NOON + HOUR) == Delivered(notices=2, messages=1)
    assert len(receiver.messages) == 1
