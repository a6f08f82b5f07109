"""A pull into real Kafka: payloads and cursor are there together or not at all, whatever goes wrong."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator

import msgspec
import pytest

from pipelines.carriers.pullers import pullers
from pipelines.carriers.pullers.base import (
    Answer,
    Api,
    Cursor,
    Moment,
    Page,
    Payload,
    RefusedByApi,
    Request,
    UnfitAnswer,
)
from pipelines.carriers.texts import Texts
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.pulling.back_off import BackOff
from pipelines.ingest.pulling.commit import NotCommitted, PulledElsewhere, commits
from pipelines.ingest.pulling.cursors import read_cursors
from pipelines.ingest.pulling.http import ApiBusy, HttpApi
from pipelines.ingest.pulling.pull import TOO_LARGE, Hooks, Pull, Source
from tests.emberline.receiving import records
from tests.pipelines.carriers.pullers.served import ChatLabServer, answer, said
from tests.pipelines.ingest.pulling.serving import Served, broken_json, cut_off, failing, serving

QUICK = BackOff(0.01, 0.02)
WAITS_S = 60


class Items(Api):
    """Numbers from an API that pages them by `after`."""

    def request(self, cursor: Cursor, moment: Moment) -> Request:
        return Request("items", "items", {"after": str(cursor.get("after", 0)), "wait": str(moment.wait_s)})

    def page(self, cursor: Cursor, answer: Answer) -> Page:  # noqa: ARG002
        found = answer.read(dict)
        payloads = tuple(Payload(json.dumps(one).encode(), (("x-kind", b"item"),)) for one in found["items"])
        return Page(
            payloads, {"after": found["next"]}, is_last=not found["more"], skipped=Counter(found.get("left", {}))
        )

    def refused(self, cursor: Cursor, answer: Answer) -> Page | None:  # noqa: ARG002
        if answer.status != 410:
            return None
        return Page((), {"after": 0}, is_last=False, gap="What was before is gone.")


class Numbers:
    """The other side: five items, two a page; more can be added."""

    def __init__(self) -> None:
        self.items = [{"n": n} for n in range(1, 6)]

    def __call__(self, request: Request) -> Answer:
        after = int(request.query["after"])
        some = self.items[after : after + 2]
        return answer({"items": some, "next": after + len(some), "more": after + 2 < len(self.items)})


@pytest.fixture
def numbers() -> Numbers:
    return Numbers()


@pytest.fixture
def served(numbers: Numbers) -> Iterator[Served]:
    with serving(numbers) as running:
        yield running


@pytest.fixture
def place(connection: KafkaConnection) -> str:
    """A topic of the test's own, which is the name of the installation too."""
    topic = f"pull-{uuid.uuid4().hex[:12]}"
    connection.create_topics([topic], 2)
    return topic


def pull(connection: KafkaConnection, place: str, url: str, hooks: Hooks | None = None, **more) -> Pull:
    source = Source(name="numbers", api=Items(), url=url, topic=place, **more)
    return Pull(source, connection, place, f"{place}.cursors", hooks, QUICK)


def brought(connection: KafkaConnection, topic: str) -> list[int]:
    return sorted(json.loads(value)["n"] for value in records(connection, topic)["value"])


def stored(connection: KafkaConnection, place: str):
    return read_cursors(connection, f"{place}.cursors")["numbers"]


def test_all_there_is_comes_once_and_the_next_round_goes_on_behind_it(connection, place, served, numbers):
    done = pull(connection, place, served.url).once()
    assert (done.payloads, done.pages) == (5, 3)
    numbers.items.append({"n": 6})
    assert pull(connection, place, served.url).once().payloads == 1
    found = records(connection, place)
    assert sorted(json.loads(value)["n"] for value in found["value"]) == [1, 2, 3, 4, 5, 6]
    assert found["headers"].to_list() == [{"x-kind": b"item"}] * 6
    outcome = stored(connection, place).outcome
    assert outcome.succeeded_at is not None
    assert outcome.error is None


def test_faults_on_the_way_lose_and_double_nothing(connection, place, served):
    served.faults.extend([failing(500), cut_off, failing(429, retry_after="0"), broken_json])
    waits = []
    done = pull(
        connection, place, served.url, Hooks(on_wait=lambda error, _: waits.append(type(error).__name__))
    ).once()
    assert done.payloads == 5
    assert waits == ["ApiBusy", "ApiUnreachable", "ApiBusy", "UnfitAnswer"]
    assert brought(connection, place) == [1, 2, 3, 4, 5]


def test_a_failure_that_stays_is_the_rounds_and_is_kept_until_one_succeeds(connection, place, served):
    served.faults.extend([failing(503)] * 5)
    with pytest.raises(ApiBusy, match="503"):
        pull(connection, place, served.url).once()
    kept = stored(connection, place).outcome
    assert kept.failed_at is not None
    assert kept.error is not None
    assert "503" in kept.error
    pull(connection, place, served.url).once()
    assert stored(connection, place).outcome.error is None


def test_a_refusal_is_not_tried_again(connection, place, served):
    served.faults.append(failing(401))
    with pytest.raises(RefusedByApi, match=r"401 \(Unauthorized\)"):
        pull(connection, place, served.url).once()
    assert len(served.requests) == 1


def test_a_cursor_that_is_no_longer_known_leaves_a_gap_that_is_kept(connection, place, served):
    served.faults.append(failing(410))
    done = pull(connection, place, served.url).once()
    assert done.gaps == ["What was before is gone."]
    assert done.payloads == 5
    assert stored(connection, place).outcome.gap == "What was before is gone."


def test_an_api_that_says_there_is_more_and_not_where_is_not_asked_for_ever(connection, place):
    with (
        serving(lambda _: answer({"items": [], "next": 0, "more": True})) as served,
        pytest.raises(UnfitAnswer, match="more pages but gives no cursor"),
    ):
        pull(connection, place, served.url).once()


def test_what_an_overlap_brings_again_unchanged_is_sent_once(connection, place, served, numbers):
    numbers.items += [{"n": 1}, {"n": 1}, {"n": 7}]
    assert pull(connection, place, served.url).once().payloads == 6
    assert brought(connection, place) == [1, 2, 3, 4, 5, 7]


def test_a_payload_that_no_broker_takes_is_left_out_and_the_others_come(connection, place, served, numbers):
    numbers.items[2]["text"] = "x" * 1_100_000
    done = pull(connection, place, served.url).once()
    assert (done.payloads, done.skipped) == (4, Counter({TOO_LARGE: 1}))
    assert brought(connection, place) == [1, 2, 4, 5]


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("when", ["before the commit", "after the records are sent", "after the commit"])
def test_a_process_that_is_killed_anywhere_loses_and_doubles_nothing(connection, place, served, when):
    """Whatever is open is left as it is: the next process ends it."""
    with (
        commits(connection, "numbers", place, place, f"{place}.cursors") as committed,
        HttpApi("n", served.url) as http,
    ):
        page = Items().page({}, http.ask(Items().request({}, Moment(0))))
        found = [(payload.value, payload.headers) for payload in page.payloads]
        producer = committed._producer
        if when == "after the records are sent":
            producer.begin_transaction()
            for value, _ in found:
                producer.send(place, value).get(30)
            producer.send(f"{place}.cursors", msgspec.json.encode(2), b"numbers/after").get(30)
        if when == "after the commit":
            committed.commit(found, page.cursor)
        assert pull(connection, place, served.url).once().payloads == (3 if when == "after the commit" else 5)
        assert brought(connection, place) == [1, 2, 3, 4, 5]
        with pytest.raises((PulledElsewhere, NotCommitted)):
            committed.commit([(b'{"n": 99}', ())], {"after": 99})
    assert brought(connection, place) == [1, 2, 3, 4, 5]
    assert stored(connection, place).cursor == {"after": 5}


def test_a_cursor_behind_an_open_transaction_of_another_pull_is_waited_for(connection, place, served):
    topic = f"{place}.cursors"
    with (
        commits(connection, "other", place, place, topic) as other,
        commits(connection, "numbers", place, place, topic) as committed,
    ):
        producer = other._producer
        producer.begin_transaction()
        producer.send(topic, b"1", b"other/after").get(30)
        committed.commit([], {"after": 4})
        assert "numbers" not in read_cursors(connection, topic, is_whole=False)
        found = read_cursors(connection, topic, on_wait=producer.abort_transaction)
    assert found["numbers"].cursor == {"after": 4}
    assert "other" not in found


def test_watching_goes_on_over_failures_until_it_is_stopped(connection, place, served, numbers):
    rounds, failures = [], []
    watched = pull(connection, place, served.url, interval_s=0.05)
    thread = threading.Thread(target=watched.watch, args=(rounds.append, failures.append))
    thread.start()

    def until(holds) -> None:
        deadline = time.monotonic() + WAITS_S
        while not holds():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    until(lambda: sum(one.payloads for one in rounds) == 5)
    served.faults.extend([failing(403)])
    until(lambda: failures)
    numbers.items.append({"n": 6})
    until(lambda: sum(one.payloads for one in rounds) == 6)
    watched.stop()
    thread.join(WAITS_S)
    assert not thread.is_alive()
    assert brought(connection, place) == [1, 2, 3, 4, 5, 6]


def test_texts_give_way_to_measures_and_a_group_is_read_once(connection, place):
    server = ChatLabServer({"g": [said("a", 100, "hello there", platformMessageId="m1")]})
    from pipelines.carriers import CARRIERS

    texts = Texts(b"key")
    api = pullers()["chatlab"].open({}, texts)
    with serving(server) as served:
        source = Source("chat", api, served.url, place, lambda values: CARRIERS["chatlab"].measured(values, texts))
        assert Pull(source, connection, place, f"{place}.cursors", back_off=QUICK).once().payloads == 1
    [value] = records(connection, place)["value"]
    assert b"hello" not in value
    assert json.loads(value)["message"]["content"]["length"] == 11
