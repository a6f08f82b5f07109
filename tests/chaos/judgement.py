"""What is left when the faults are over, told by independent readers and by computing everything again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl
import sqlalchemy as sa

from assets.resources import Progress
from emberline.runner import run_pipeline
from emberline.services import Services
from emberline.settings import KafkaSettings, LakeSettings, PrivacySettings, Settings, WarehouseSettings
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.events import stored_counts
from pipelines.lake import Lake
from schemas.lake import EVENTS, QUARANTINE, LakeTable
from schemas.warehouse import DATA_TABLES
from tests.chaos.load import Account
from tests.chaos.stack import Stack
from tests.faults.invariant import Record, in_kafka, in_raw

_FRESH = "fresh"


@dataclass(frozen=True)
class Counted:
    """Records by what became of them.

    `kept` are those Kafka has. `unkept` were acknowledged and are not there; of Kafka's, `lost` are not in `raw`;
    `doubled` are there twice, `invented` are in `raw` only.
    """

    sent: int
    acknowledged: int
    kept: int
    unkept: int
    lost: int
    doubled: int
    invented: int

    @property
    def uncertain_kept(self) -> int:
        """Records that Kafka has without ever having said so."""
        return self.kept - self.acknowledged


def count(kafka: KafkaConnection, lake: Lake, topics: Sequence[str], account: Account) -> Counted:
    """Compare what the producer was told, what a plain consumer is given, and what `raw` holds."""
    kept, stored = in_kafka(kafka, *topics), in_raw(lake)
    names = {topic.topic_id: topic.name for topic in kafka.topics(topics)}
    return Counted(
        sent=account.sent,
        acknowledged=len(account.acknowledged),
        kept=len(kept),
        unkept=_unkept(account, kept, names),
        lost=(Counter(kept) - Counter(stored)).total(),
        doubled=len(stored) - len({record[:3] for record in stored}),
        invented=len(set(stored) - set(kept)),
    )


def _unkept(account: Account, kept: list[Record], names: Mapping[str, str]) -> int:
    """Acknowledged records that Kafka does not have at their place, with their value; `names` by topic id."""
    found = {(names[topic_id], partition, offset): hash(value) for topic_id, partition, offset, value in kept}
    return sum(found.get(place) != value for place, value in account.acknowledged.items())


def faults_of(counted: Counted) -> Iterator[str]:
    """What the counts say against the pipeline, or against the broker."""
    if counted.unkept:
        yield f"Kafka lost {counted.unkept} acknowledged records"
    if counted.kept > counted.sent:
        yield f"Kafka holds {counted.kept} records, though {counted.sent} were sent"
    for number, what in (
        (counted.lost, "records of Kafka are not in raw"),
        (counted.doubled, "rows of raw are doubles"),
        (counted.invented, "rows of raw are not in Kafka"),
    ):
        if number:
            yield f"{number} {what}"


def differences_from_fresh(stack: Stack) -> Iterator[str]:
    """Read the same topics at once into a lake and a database of their own; what differs from what the faults left."""
    counts = stored_counts(stack.lake)
    if counts.raw != counts.events + counts.duplicates + counts.quarantined + counts.tombstones:
        yield f"the counts do not add up: {counts}"
    fresh = _fresh(stack)
    outcome = run_pipeline(fresh, Progress())
    if not outcome.is_success:
        yield f"the run that computes everything again failed: {outcome.error}"
        return
    for table in (EVENTS, QUARANTINE):
        found, expected = _of_lake(stack.lake, table), _of_lake(fresh.lake(), table)
        if found != expected:
            yield f"lake table {table.name}: {_differing(found, expected)}"
    here, there = stack.warehouse, fresh.warehouse()
    for table in DATA_TABLES:
        found, expected = _rows(here.read(table)), _rows(there.read(table))
        if found != expected:
            yield f"warehouse table {table.name}: {_differing(found, expected)}"


def _fresh(stack: Stack) -> Services:
    """The same topics, zone and key of pseudonyms; everything else its own."""
    url = sa.make_url(stack.warehouse.url)
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {_FRESH}"))
    database = url.set(database=_FRESH).render_as_string(hide_password=False)
    folder = stack.state.path / _FRESH
    return Services(
        Settings(
            state=folder,
            kafka=KafkaSettings(bootstrap_servers=stack.kafka.bootstrap_servers),
            lake=LakeSettings(uri=str(folder / "lake")),
            warehouse=WarehouseSettings(url=database),  # type: ignore[arg-type]
            privacy=PrivacySettings(key=stack.state.secret("pseudonyms")),  # type: ignore[arg-type]
        )
    )


def _rows(rows: pl.DataFrame) -> Counter[str]:
    """The rows as text: some hold lists, which cannot be counted."""
    return Counter(map(repr, rows.iter_rows()))


def _of_lake(lake: Lake, table: LakeTable) -> Counter[str]:
    """All rows without their batch, which tells when a row came and not what it says."""
    return _rows(lake.open(table).scan().drop("batch").collect())


def _differing(found: Counter[str], expected: Counter[str]) -> str:
    more, less = found - expected, expected - found
    first = next(iter(more or less))
    return f"{more.total()} rows too many or different, {less.total()} missing or different, such as {first}"
