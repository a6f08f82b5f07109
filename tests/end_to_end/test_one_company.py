"""One company, spoken through eight chats and three shops, is published as through CloudEvents.

Both go through Kafka and the whole pipeline. Links of persons, clicks, and what describes a group come as CloudEvents
on both sides: no chat and no shop says them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl
import pytest
import sqlalchemy as sa
from kafka import KafkaProducer
from polars.testing import assert_frame_equal

from assets.resources import Progress
from emberline.embedded.postgres import EmbeddedPostgres
from emberline.runner import run_pipeline
from emberline.services import Services
from emberline.settings import (
    IdentitySettings,
    KafkaSettings,
    LakeSettings,
    PrivacySettings,
    Settings,
    WarehouseSettings,
)
from emberline.simulator import simulate
from pipelines.carriers import CARRIERS
from pipelines.publish.warehouse import Warehouse
from schemas import kinds
from schemas.warehouse import DATA_TABLES
from tests.conformance.sold import SHOPS, Shop
from tests.conformance.spoken import CHATS, Event, Names, moment
from tests.conformance.test_one_company import COMPANY, SPOKEN, giving
from tests.conftest import database_of

CLOUDEVENTS: Final = "cloudevents"
DESCRIBING: Final = (kinds.GROUP_CREATED, kinds.GROUP_UPDATED, kinds.GROUP_CLOSED)

MAY_LACK: Final = ("group_id", "message_id", "reply_to")

DIFFERS: Final = {
    "source": "the connector of canonical events has a name of its own",
    "event_id": "each source has ids of its own",
    "coverage": "the canonical connector sees all of a group, the others what they declare",
    "membership": "the canonical connector tells joins and leaves, the others what they declare",
    "name": "Telegram writes a group's name into each message",
}
"""Columns that are not compared, and why."""

TOLERANCE: Final = 0.01
"""Slack's times have microseconds, in which its messages are numbered: seconds to convert differ by less than this."""

Sent = tuple[str, Any, dict[str, str], Event]
"""A carrier or its topic, a payload, its headers, and the canonical event that says the same."""


class World:
    """What happened in the company, as each of its platforms calls it."""

    def __init__(self) -> None:
        self.events = [msgspec.json.decode(value) for value in simulate(COMPANY).records["value"]]
        sent = (event for event in self.events if event["type"] == kinds.MESSAGE_SENT)
        self.names = Names({event["data"]["message_id"]: int(moment(event).timestamp()) for event in sent})
        self.staff: set[str] = set()

    def of_chats(self) -> Iterable[Sent]:
        """What is said in groups, without the fields that the chat's mapping does not give."""
        for name, writer in CHATS.items():
            for number, event in enumerate(self._spoken(name), start=1):
                told = writer.native(event, self.names)
                if event["data"]["role"] != "member":
                    self.staff.add(told["data"]["member_id"])
                said = {**told, "source": f"chat/{name}", "data": self._given(name, told)}
                yield name, writer.payload(told, number), {}, said

    def of_shops(self) -> Iterable[Sent]:
        """What is bought; each shop has some of the orders."""
        number = 0
        for shop in SHOPS:
            for event in self.events:
                if shop.sells(event) and self.shop_of(event["data"]) is shop:
                    number += 1
                    told = shop.native(event, self.names)
                    said = {**told, "data": self._given(shop.name, told)}
                    for payload, headers in shop.records(shop, told, number):
                        yield shop.name, payload, headers, said

    def of_both(self) -> Iterable[Sent]:
        """What only canonical events say."""
        for event in self.events:
            data = event.get("data", {})
            if event["type"] in DESCRIBING:
                writer = CHATS[event["subject"].split(":")[0]]
                group = f"{writer.platform}:{writer.group(self.names.number(event['subject']))}"
                said = {name: value for name, value in data.items() if name not in ("operators", "group_id")}
                yield CLOUDEVENTS, None, {}, {**event, "subject": group, "source": "groups", "data": said}
            elif event["type"] == kinds.LINK_CLICKED:
                clicked = {"member_id": self.member(data["member_id"])}
                if data["group_id"]:
                    clicked["group_id"] = self.group(data["group_id"])
                yield CLOUDEVENTS, None, {}, {**event, "source": "links", "data": clicked}
            elif event["type"] == kinds.IDENTITY_LINKED:
                for shop in SHOPS:
                    linked = {
                        "member_id": self.member(data["member_id"]),
                        "linked_id": f"{shop.name}:{self.names.number(data['linked_id'])}",
                    }
                    yield CLOUDEVENTS, None, {}, {**event, "source": f"links/{shop.name}", "data": linked}

    def member(self, name: str) -> str:
        writer = CHATS[name.split(":")[0]]
        role = next((role for role in ("operator", "bot") if f"-{role}" in name), "member")
        return f"{writer.platform}:{writer.member(self.names.number(name), role)}"

    def group(self, name: str) -> str:
        writer = CHATS[name.split(":")[0]]
        return f"{writer.platform}:{writer.group(self.names.number(name))}"

    def shop_of(self, order: dict[str, Any]) -> Shop:
        sellers = [shop for shop in SHOPS if shop.currency in (None, order["currency"])]
        return sellers[self.names.number(order["order_id"]) % len(sellers)]

    @staticmethod
    def _given(name: str, told: Event) -> dict[str, Any]:
        """What is said, but for what the carrier's mapping does not give of this kind of event."""
        left_out = {field for field in MAY_LACK if told["type"] not in giving(CARRIERS[name], field)}
        return {field: value for field, value in told["data"].items() if field not in left_out}

    def _spoken(self, name: str) -> list[Event]:
        of_chat = (event for event in self.events if event.get("subject", "").startswith(f"{name}:"))
        return [event for event in of_chat if event["type"] in SPOKEN and event["type"] in CARRIERS[name].kinds]


def send(kafka: str, records: Iterable[Sent]) -> None:
    """Send payloads when they happened: a source that says no time is dated by Kafka."""
    producer = KafkaProducer(bootstrap_servers=kafka, acks="all")
    for topic, payload, headers, event in records:
        producer.send(
            topic,
            msgspec.json.encode(payload),
            headers=[(name, value.encode()) for name, value in headers.items()],
            timestamp_ms=int(moment(event).timestamp()) * 1000,
        )
    producer.flush()
    producer.close()


def published(settings: Settings, kafka: str, records: Iterable[Sent]) -> Warehouse:
    """The warehouse after a run of the pipeline, with the records in its topics."""
    send(kafka, records)
    services = Services(settings)
    outcome = run_pipeline(services, Progress())
    assert outcome.is_success, outcome.failure
    assert (outcome.counts.quarantined, outcome.counts.ignored) == (0, 0)
    return services.warehouse()


@pytest.mark.soak
def test_a_company_is_published_the_same_through_eight_chats_and_three_shops(
    kafka: str, postgres: EmbeddedPostgres, prepared_template: str, topic: Callable[..., str], tmp_path: Path
):
    world = World()
    spoken, shared = [*world.of_chats(), *world.of_shops()], list(world.of_both())
    topics = {name: topic() for name in (*CHATS, *(shop.name for shop in SHOPS), CLOUDEVENTS)}
    canonical = topic()
    by_platform = [
        *((topics[name], payload, headers, said) for name, payload, headers, said in spoken),
        *((topics[CLOUDEVENTS], said, {}, said) for *_, said in shared),
    ]
    as_events = [(canonical, said, {}, said) for *_, said in (*spoken, *shared)]

    def settings(name: str, database: str, carriers: dict[str, str]) -> Settings:
        return Settings(
            state=tmp_path / name / "state",
            kafka=KafkaSettings(bootstrap_servers=kafka, topics=carriers),
            warehouse=WarehouseSettings(url=database),  # type: ignore[arg-type]
            lake=LakeSettings(uri=str(tmp_path / name / "lake")),
            identity=IdentitySettings(operators=sorted(world.staff)),
            privacy=PrivacySettings(key="one key for both companies"),  # type: ignore[arg-type]
        )

    with database_of(postgres, prepared_template) as one, database_of(postgres, prepared_template) as other:
        carriers = {of: name for name, of in topics.items()}
        native = published(settings("native", one, carriers), kafka, by_platform)
        expected = published(settings("canonical", other, {canonical: CLOUDEVENTS}), kafka, as_events)
        for table in DATA_TABLES:
            found, wanted = (rows(warehouse, table) for warehouse in (native, expected))
            assert found.height > 0, table.name
            assert_frame_equal(found, wanted, abs_tol=TOLERANCE)


def rows(warehouse: Warehouse, table: sa.Table) -> pl.DataFrame:
    """All rows of a table, in whole seconds, without what differs."""
    seconds = pl.col(pl.Datetime).dt.truncate("1s")
    return warehouse.read(table).drop(DIFFERS, strict=False).with_columns(seconds).sort(pl.all())
