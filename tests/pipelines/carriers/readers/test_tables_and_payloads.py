"""Tables whose columns are named, and files of payloads as they are."""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl
import pytest

from pipelines.carriers import CARRIERS
from pipelines.carriers.readers import csv_rows
from pipelines.carriers.readers.base import UnreadableExport
from schemas import kinds
from tests.pipelines.carriers.readers.reading import KEEPING, OPTIONS, Read, sample

COLUMNS = replace(KEEPING, columns={"time": "Sent", "sender_id": "Who", "text": "Body"}, platform="app")


def test_a_table_with_the_records_own_names_needs_no_saying():
    found = sample("table/CONSTRUCTED_messages.csv", KEEPING)
    assert found.each("time") == [1767222000, 1767222060]
    assert found.each("text") == ["hello", "two\nlines"]
    assert found.each("reply_to") == [None, "m1"]
    assert found.each("message_id") == ["m1", "m2"]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_columns_of_other_names_are_said(tmp_path, form):
    rows = pl.DataFrame({"Sent": [1767222000, 1767222060000], "Who": ["1", "2"], "Body": ["a", ""], "x": [1, 2]})
    file = tmp_path / f"tea.{form}"
    getattr(rows, f"write_{form}")(file)
    found = Read(file, COLUMNS, "table")
    assert found.each("time") == [1767222000, 1767222060]
    assert found.each("group", "id") == ["tea", "tea"]
    assert (found.each("message_kind"), found.each("platform")) == (["text", "other"], ["app", "app"])


@pytest.mark.parametrize(
    ("columns", "cause"),
    [({}, "'time'"), ({"time": "Sent", "sender_id": "Gone"}, "'Gone'"), ({"when": "Sent"}, "'when'")],
)
def test_what_is_missing_of_a_table_is_named_with_what_there_is(tmp_path, columns, cause):
    file = tmp_path / "tea.csv"
    file.write_text("Sent,Who\n1767222000,1\n")
    with pytest.raises(UnreadableExport, match=rf"{cause}.*Sent, Who"):
        Read(file, replace(OPTIONS, columns=columns), "table")


def test_times_of_a_parquet_table_are_instants_or_local(tmp_path):
    rows = pl.DataFrame(
        {"group_id": ["tea"] * 2, "sender_id": ["1"] * 2, "time": ["2026-01-01T07:00:00", "2026-01-01T08:00:00"]}
    )
    file = tmp_path / "tea.parquet"
    rows.with_columns(pl.col("time").str.to_datetime(time_zone="UTC")).write_parquet(file)
    assert Read(file).each("time") == [1767250800, 1767254400]
    rows.with_columns(pl.col("time").str.to_datetime()).write_parquet(file)
    assert Read(file).each("time") == [1767222000, 1767225600]


def test_rows_with_too_many_cells_are_repaired_and_those_of_other_kinds_counted(tmp_path):
    file = tmp_path / "tea.csv"
    file.write_text("group_id,time,sender_id,kind\ntea,1767222000,1,Joined,x\ntea,1767222000,1,poll\ntea,,1,left\n")
    found = Read(file)
    assert (found.each("kind"), found.repairs) == (["joined"], {csv_rows.LONG_ROWS: 1})
    assert found.skipped == {"rows of other kinds": 1, "rows without a time": 1}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.jsonl", b'{"a": 1}\n\n{"a": 9007199254740993}\n'),
        ("x.ndjson", b'{"a": 1}\n{"a": 9007199254740993}'),
        ("x.json", b' [{"a": 1}, {"a": 9007199254740993}]'),
        ("x.json", b'{"a": 1}\n{"a": 9007199254740993}\n'),
        ("x.jsonl", b'\xef\xbb\xbf{"a": 1}\r\n{"a": 9007199254740993}\r\n'),
    ],
)
def test_payloads_stay_as_they_were_written(tmp_path, name, content):
    file = tmp_path / name
    file.write_bytes(content)
    found = [
        one.reader.read(one.source, replace(OPTIONS, carrier="zulip"))
        for one in Read(file, replace(OPTIONS, carrier="zulip"), "payloads").found
    ]
    values = [value for batches in found for batch in batches for value in batch.values]
    assert values == [b'{"a": 1}', b'{"a": 9007199254740993}']


def test_one_document_is_one_payload(tmp_path):
    file = tmp_path / "x.json"
    file.write_text(json.dumps({"a": [1, 2]}, indent=2))
    assert Read(file, replace(OPTIONS, carrier="zulip"), "payloads").payloads == [{"a": [1, 2]}]


def test_a_carrier_has_to_be_said(tmp_path):
    file = tmp_path / "x.json"
    file.write_text("{}")
    with pytest.raises(UnreadableExport, match="The carrier of its payloads"):
        Read(file, OPTIONS, "payloads")


def test_a_table_of_costs_becomes_events_and_what_is_no_cost_is_counted():
    found = sample("spend/CONSTRUCTED_costs.csv")
    assert found.each("data", "total_minor") == [12050, 3000, 1200, 1200]
    assert found.each("data", "group_id") == ["wecom:wrA1", None, "wecom:wrA1", "wecom:wrA1"]
    assert found.each("time")[0] == "2026-01-01T00:00:00+08:00"
    assert len({*found.each("id")}) == 4
    assert found.skipped == {"rows without a day, an amount and a currency": 2}
    [decoded] = {*CARRIERS["cloudevents"].decode([json.dumps(one).encode() for one in found.payloads]).events["type"]}
    assert decoded == kinds.SPEND_RECORDED


def test_a_table_of_costs_with_other_columns_gives_the_same_events(tmp_path):
    file = tmp_path / "costs.csv"
    file.write_text("Datum,Betrag,Waehrung,group_id,campaign\n2026/01/01,120.5,CNY,wecom:wrA1,spring\n")
    columns = {"day": "Datum", "amount": "Betrag", "currency": "Waehrung"}
    found = Read(file, replace(OPTIONS, columns=columns), "spend")
    assert found.keys == sample("spend/CONSTRUCTED_costs.csv").keys[:1]
