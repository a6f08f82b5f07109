"""What a refresh reads is what the registry says that its facts are made of and guided by, no more and no less."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from pipelines.lake import Handle, Lake
from schemas import kinds
from schemas.lake import FACTS, REBUILD, TABLES
from tests.pipelines.canonical import NOON
from tests.pipelines.test_behind import MART, ORDER, Followed
from tests.pipelines.test_incremental import DAY, happened, listed, said, spent

TALK = [said(name, day, minute) for day in (40, 9, 8, 2) for minute, name in enumerate(("app:a", "app:b", "app:c"))]
OFFER = happened(kinds.MESSAGE_SENT, 6, group="app:g", member_id="app:op", role="operator", message_id="offer",
                 message_kind="product", product_id="tea", id="offer")  # fmt: skip
BOUGHT = [
    happened(kinds.ORDER_PAID, 2, source="shop", member_id="app:a", order_id="o", total_minor=100, currency="CNY"),
    happened(kinds.ORDER_REFUNDED, 1, source="shop", member_id="app:a", order_id="o", total_minor=9, currency="CNY"),
]
LINKED = happened(kinds.IDENTITY_LINKED, 1, member_id="app:a", linked_id="app:b")
LISTED = [listed(12, "app:a"), listed(7, "app:a", "app:e")]
LATE = [
    listed(8, "app:b"),
    said("app:c", 20),
    said("app:d", 39),
    happened(kinds.LINK_CLICKED, 5, member_id="app:a", group="app:g"),
    spent(20, 30),
]

REFRESHES = {
    **{name: (name,) for name in ORDER if name != MART},
    "group_health": ("group_health", "group_state"),
    "segment_activity": ("segment_activity", "segment_retention"),
    "group_risk": ("risk_model", "group_risk"),
    "funnel_step": tuple(
        table.name for table in FACTS if table.name.startswith("funnel_") and table.same_as is not None
    ),
    "group_sales": ("group_sales", "group_sales_day", "message_sales", "segment_sales"),
    "order_refund": ("order_refund", "order_item", "customer_order"),
    "conversion_path": ("conversion_path", "conversion_path_sales"),
}
"""The facts that each refresh computes."""


class Reads:
    """The tables whose rows were read."""

    def __init__(self) -> None:
        self.tables: set[str] = set()

    @contextmanager
    def watched(self) -> Iterator[None]:
        scan = Handle.scan

        def watched(handle: Handle) -> pl.LazyFrame:
            self.tables.add(handle.table.name)
            return scan(handle)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Handle, "scan", watched)
            yield


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What each refresh read, from scratch and as it follows events, late ones, merged persons and a watermark."""
    company, found = Followed(Lake(str(tmp_path_factory.mktemp("company")))), defaultdict[str, set[str]](set)
    for batch in ([*TALK, OFFER, *LISTED], BOUGHT, [LINKED], LATE, [said("app:b", -3)]):
        company.send(*batch, kafka_time=NOON + 4 * DAY)
        for name in ORDER:
            reads = Reads()
            # How far events reach is asked by every refresh, as its asset does.
            company.watermarks.clear()
            with reads.watched():
                company.materialize(name)
            found[name] |= reads.tables
    return found


@pytest.mark.parametrize("refresh", REFRESHES)
def test_a_refresh_reads_what_its_facts_declare(read: dict[str, set[str]], refresh: str):
    facts = [TABLES[name] for name in REFRESHES[refresh]]
    declared = {table.name for fact in facts for table in fact.reads}
    assert read[refresh] - {fact.name for fact in facts} - {REBUILD.name} == declared - {fact.name for fact in facts}


def test_every_fact_is_of_one_refresh():
    facts = sorted(name for names in REFRESHES.values() for name in names)
    assert facts == sorted(table.name for table in FACTS)


def test_a_refresh_that_reads_another_table_is_noticed(tmp_path: Path):
    lake, reads = Lake(str(tmp_path)), Reads()
    with reads.watched():
        lake.open(TABLES["gaps"]).scan()
    assert reads.tables == {"gaps"}
