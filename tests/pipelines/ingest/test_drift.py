"""The newest day of a topic is compared with the days before."""

import datetime as dt
from pathlib import Path

import polars as pl

from pipelines.carriers.census import census
from pipelines.ingest.drift import find_drift, path_changes, reason_changes
from pipelines.lake import Lake
from schemas.lake import RAW
from tests.pipelines.canonical import TOPIC, land, records

DAY = dt.date(2026, 3, 5)
BEFORE = census([b'{"id": 1, "user": {"name": "a"}}'] * 100)


def test_payloads_that_stay_as_they_were_show_no_change():
    assert path_changes(BEFORE, 100, BEFORE, 100).is_empty()


def test_new_vanished_and_changed_paths_are_told_apart():
    now = census([b'{"id": "1", "account": 7}'] * 50)
    found = path_changes(BEFORE, 100, now, 50).select("change", "name", "kind").rows()
    assert found == [
        ("new path", "account", "integer"),
        ("new type", "id", "string"),
        ("vanished path", "user", "object"),
        ("vanished path", "user.name", "string"),
    ]


def test_too_few_records_do_not_make_a_path_vanish():
    assert path_changes(BEFORE, 100, census([b'{"id": 1}'] * 9), 9).is_empty()


def reasons(*rows: tuple[dt.date, str, int]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"day": pl.Date, "reason": pl.String, "records": pl.UInt32}, orient="row")


def test_a_new_reason_and_a_jump_of_the_share_are_said():
    counts = reasons((DAY - dt.timedelta(1), "a heartbeat", 10), (DAY, "a heartbeat", 10), (DAY, "unknown: poll", 30))
    found = reason_changes(counts, DAY, (100, 100), "ignored").rows()
    assert found == [("new reason", "unknown: poll", "ignored", 0.0, 0.3), ("more ignored", "", "ignored", 0.1, 0.4)]


def test_the_same_share_of_the_same_reasons_says_nothing():
    counts = reasons((DAY - dt.timedelta(1), "a heartbeat", 10), (DAY, "a heartbeat", 5))
    assert reason_changes(counts, DAY, (100, 50), "ignored").is_empty()


def of_day(day: int, values: list[bytes], first: int) -> pl.DataFrame:
    at = pl.lit(dt.datetime(2026, 3, day, 12, tzinfo=dt.UTC)).cast(RAW.schema["kafka_time"])
    return records(values).with_columns(at.alias("kafka_time"), pl.col("offset") + first)


def test_a_lake_shows_what_its_newest_day_brought_and_no_value(tmp_path: Path):
    lake = Lake(str(tmp_path / "lake"))
    land(lake, of_day(4, [b'{"word": "secret-1"}'] * 20, 0))
    assert find_drift(lake, TOPIC) is None
    land(lake, of_day(5, [b'{"word": "secret-2", "added": 1}'] * 20, 20))
    found = find_drift(lake, TOPIC)
    assert found is not None
    assert (found.day, found.sampled, found.records) == (DAY, (20, 20), (20, 20))
    assert found.changes.rows() == [("new path", "added", "integer", 0.0, 1.0)]
    assert "secret" not in str(found.changes.to_dicts())


def test_a_lake_without_records_has_no_drift_and_gets_no_table(tmp_path: Path):
    assert find_drift(Lake(str(tmp_path / "lake")), TOPIC) is None
    assert not (tmp_path / "lake").exists()
