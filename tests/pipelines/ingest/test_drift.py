"""The newest day of a topic is compared with the days before, by the census of its payloads."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence

import polars as pl

from pipelines.carriers.census import census
from pipelines.ingest.drift import drift_of, find_drift, find_drifts, reason_changes, said
from pipelines.ingest.payload_census import SAMPLE, put_together, read_census
from pipelines.ingest.reset import BATCH
from pipelines.lake import Lake
from schemas.lake import EVENTS, PAYLOAD_CENSUS
from tests.pipelines.canonical import TOPIC, encoded, ingest, land, message, rebuild, records
from tests.pipelines.ingest.test_events import dying_before
from tests.pipelines.several import SEVERAL, ignored

DAY = dt.date(2026, 3, 31)
Days = Mapping[dt.date, Sequence[tuple[Mapping[str, object], int]]]
"""By day, payloads and how often each."""

PLAIN: dict[str, object] = {"id": 1, "user": {"name": "a"}}
COUNTS = {"topic": pl.String, "day": pl.Date, "subject": pl.String, "name": pl.String, "kind": pl.String,
          "records": pl.Int64}  # fmt: skip


def before(days: int) -> dt.date:
    return DAY - dt.timedelta(days)


def counted(by_day: Days) -> pl.DataFrame:
    """The counts of days with so many of these payloads each, all of them read."""
    rows = []
    for day, payloads in by_day.items():
        total = sum(times for _, times in payloads)
        rows += [(TOPIC, day, subject, "", "", total) for subject in ("records", "sampled")]
        values = [json.dumps(payload).encode() for payload, times in payloads for _ in range(times)]
        rows += [(TOPIC, day, "path", *row) for row in census(values).rows()]
    return pl.DataFrame(rows, schema=COUNTS, orient="row")


def changes(by_day: Days) -> list[tuple[str, str, str]]:
    found = drift_of(counted(by_day))
    assert found is not None
    return found.changes.select("change", "name", "kind").rows()


MONTH = {before(days): [(PLAIN, 100)] for days in range(1, 29)}


def test_payloads_that_stay_as_they_were_show_no_change():
    assert changes({**MONTH, DAY: [(PLAIN, 100)]}) == []


def test_new_and_changed_paths_are_told_apart():
    added = {"id": "1", "user": {"name": "a"}, "account": 7}
    assert changes({**MONTH, DAY: [(PLAIN, 100), (added, 20)]}) == [
        ("new path", "account", "integer"),
        ("new type", "id", "string"),
    ]


def test_a_path_seen_once_or_twice_is_no_change():
    for times in (1, 2):
        assert changes({**MONTH, DAY: [(PLAIN, 1000), (PLAIN | {"rare": 1}, times)]}) == []


def test_a_path_that_chance_may_have_left_out_of_the_days_before_is_no_change():
    rare = PLAIN | {"rare": 1}
    assert changes({before(1): [(PLAIN, 100)], DAY: [(PLAIN, 95), (rare, 5)]}) == []
    assert changes({before(1): [(PLAIN, 100)], DAY: [(PLAIN, 80), (rare, 20)]}) != []


def test_a_path_has_vanished_once_it_was_missing_yesterday_and_today():
    gone = {"id": 1}
    assert changes({**MONTH, DAY: [(gone, 100)]}) == []
    assert changes({**MONTH, before(1): [(gone, 100)], DAY: [(gone, 3)]}) == [
        ("vanished path", "user", "object"),
        ("vanished path", "user.name", "string"),
    ]


def test_a_path_of_weekdays_has_not_vanished_at_the_end_of_a_week():
    # The 31st is a Tuesday, so the newest two days here are the 28th and the 29th.
    days = {before(n): [(PLAIN if before(n).weekday() < 5 else {"id": 1}, 100)] for n in range(2, 31)}
    assert changes(days) == []


def reasons(*rows: tuple[dt.date, str, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"day": pl.Date, "name": pl.String, "records": pl.Int64}, orient="row")


A_HUNDRED = reasons((before(1), "", 100), (DAY, "", 100))


def test_a_new_reason_and_a_jump_of_the_share_are_said():
    counts = reasons((before(1), "a heartbeat", 10), (DAY, "a heartbeat", 10), (DAY, "unknown: poll", 30))
    found = reason_changes(counts, A_HUNDRED, DAY, "ignored")
    assert found.rows() == [
        ("new reason", "unknown: poll", "ignored", 0.0, 0.3), ("more ignored", "", "ignored", 0.1, 0.4),
    ]  # fmt: skip
    assert said(found.row(0, named=True)) == (
        "new reason unknown: poll (ignored), 0.0% of the records before, 30.0% now"
    )


def test_the_same_share_of_the_same_reasons_says_nothing():
    counts = reasons((before(1), "a heartbeat", 10), (DAY, "a heartbeat", 5))
    assert reason_changes(counts, A_HUNDRED, DAY, "ignored").is_empty()


def test_one_record_of_a_few_that_is_ignored_is_no_jump():
    few = reasons((before(1), "", 100), (DAY, "", 4))
    assert reason_changes(reasons((DAY, "a heartbeat", 1)), few, DAY, "ignored").is_empty()


def of_day(day: dt.date, values: list[bytes], first: int) -> pl.DataFrame:
    noon = dt.datetime.combine(day, dt.time(12), dt.UTC)
    return records(values, offsets=range(first, first + len(values)), kafka_time=noon)


def test_a_lake_shows_what_its_newest_day_brought_and_no_value(lake: Lake):
    land(lake, of_day(before(1), [encoded(message({"text": "secret-1"}))] * 20, 0))
    ingest(lake)
    assert find_drift(lake, TOPIC) is None
    land(lake, of_day(DAY, [encoded(message({"text": "secret-2", "added": 1}))] * 20, 20))
    ingest(lake)
    found = find_drift(lake, TOPIC)
    assert found is not None
    assert (found.day, found.sampled, found.records) == (DAY, (20, 20), (20, 20))
    assert found.changes.rows() == [("new path", "data.added", "integer", 0.0, 1.0)]
    assert "secret" not in str(lake.open(PAYLOAD_CENSUS).scan().collect().to_dicts())


def test_a_check_compares_topics_of_which_a_week_is_known(lake: Lake):
    for days in range(8, 0, -1):
        land(lake, of_day(before(days), [ignored("a heartbeat")] * 20, 20 * (8 - days)))
    ingest(lake, carriers=SEVERAL)
    assert find_drifts(lake) == {}
    land(lake, of_day(DAY, [ignored("typing")] * 20, 160))
    ingest(lake, carriers=SEVERAL)
    assert [row[:2] for row in find_drifts(lake)[TOPIC].changes.rows()] == [("new reason", "typing")]


def test_a_lake_without_records_has_no_drift_and_gets_no_table(lake: Lake):
    assert (find_drift(lake, TOPIC), find_drifts(lake)) == (None, {})
    assert not lake.has(PAYLOAD_CENSUS)


def totals(lake: Lake) -> dict[str, int]:
    found = read_census(lake, dt.timedelta(28)).filter(~pl.col("subject").is_in(["path"]))
    return dict(found.group_by("subject").agg(pl.col("records").sum()).rows())


def test_of_a_large_batch_a_sample_is_read_and_all_are_counted(lake: Lake):
    land(lake, of_day(DAY, [ignored("a heartbeat")] * (3 * SAMPLE), 0))
    ingest(lake, carriers=SEVERAL)
    assert totals(lake) == {"records": 3 * SAMPLE, "ignored": 3 * SAMPLE, "sampled": SAMPLE}


def test_a_run_that_dies_counts_nothing_twice_and_a_rebuild_begins_again(lake: Lake):
    land(lake, of_day(DAY, [ignored("a heartbeat"), encoded(message())], 0))
    expected = {"records": 2, "ignored": 1, "sampled": 2}
    with dying_before(lake, EVENTS) as dying:
        ingest(dying, carriers=SEVERAL)
    ingest(lake, carriers=SEVERAL)
    assert totals(lake) == expected
    rebuild(lake, carriers=SEVERAL)
    assert totals(lake) == expected


def test_counts_of_a_day_are_put_together_and_old_ones_dropped(lake: Lake):
    for number, day in enumerate((before(61), before(1), DAY)):
        land(lake, of_day(day, [ignored("a heartbeat")] * 2, 2 * number))
        ingest(lake, carriers=SEVERAL)
    put_together(lake, lake.open(EVENTS).position(BATCH) or 0, most=1)
    handle = lake.open(PAYLOAD_CENSUS)
    assert len(handle.delta.file_uris()) == 1
    assert sorted(handle.scan().collect()["day"].unique()) == [before(1), DAY]
    assert totals(lake) == {"records": 4, "ignored": 4, "sampled": 4}
