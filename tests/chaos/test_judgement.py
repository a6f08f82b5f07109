"""The judge sees what was lost and what was doubled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import polars as pl
import pytest

from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.raw import ingest_raw
from pipelines.lake import Lake
from schemas.lake import RAW
from tests.chaos.judgement import Counted, count, faults_of
from tests.chaos.load import Account
from tests.faults.invariant import QUICK

VALUES = (b"a", b"b", b"c")
CLEAN = Counted(sent=3, acknowledged=3, kept=3, unkept=0, lost=0, doubled=0, invented=0)


@pytest.fixture
def name(topic: Callable[..., str], send: Callable[..., None]) -> str:
    name = topic()
    send(name, *VALUES)
    return name


@pytest.fixture
def account(name: str) -> Account:
    """That of a producer whose every record was acknowledged."""
    account = Account(sent=len(VALUES))
    for offset, value in enumerate(VALUES):
        account.take(value, SimpleNamespace(topic=name, partition=0, offset=offset))
    return account


def rows(connection: KafkaConnection, lake: Lake, name: str) -> pl.DataFrame:
    """What the ingest makes of the topic."""
    there = Lake(f"{lake.uri}-elsewhere")
    ingest_raw(connection, there, [name], QUICK)
    return there.open(RAW).scan().sort("offset").collect()


def test_what_is_whole_is_told_to_be_whole(connection: KafkaConnection, lake: Lake, name: str, account: Account):
    ingest_raw(connection, lake, [name], QUICK)
    counted = count(connection, lake, [name], account)
    assert counted == CLEAN
    assert list(faults_of(counted)) == []


def test_a_lost_a_doubled_and_an_invented_row_are_seen(
    connection: KafkaConnection, lake: Lake, name: str, account: Account
):
    first, second, _ = rows(connection, lake, name).iter_slices(1)
    elsewhere = first.with_columns(offset=pl.lit(9, pl.Int64))
    lake.append(lake.open(RAW), pl.concat([first, first, second, elsewhere]), {})
    counted = count(connection, lake, [name], account)
    assert counted == replace(CLEAN, lost=1, doubled=1, invented=1)
    assert len(list(faults_of(counted))) == 3


def test_an_acknowledged_record_that_kafka_has_not_or_has_otherwise_is_seen(
    connection: KafkaConnection, lake: Lake, name: str, account: Account
):
    ingest_raw(connection, lake, [name], QUICK)
    account.take(b"gone", SimpleNamespace(topic=name, partition=0, offset=3))
    account.take(b"other", SimpleNamespace(topic=name, partition=0, offset=0))
    assert count(connection, lake, [name], account).unkept == 2


def test_more_records_than_were_sent_are_seen():
    assert list(faults_of(replace(CLEAN, kept=4))) == ["Kafka holds 4 records, though 3 were sent"]
