"""What a BI analyst asks of `mart` in one query, as the how-to prints it."""

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal

import sqlalchemy as sa

from pipelines.publish.switch import Published
from tests.docs.pages import ROOT
from tests.pipelines.publish.company import Row, credit, entry, match, refund

PAGE = ROOT / "docs" / "how-to" / "read-the-lake-and-warehouse.md"
# 1 April, 00:30 in the business zone.
NEW_MONTH = dt.datetime(2025, 3, 31, 16, 30, tzinfo=dt.UTC)


def answer(database: str, question: str) -> list[tuple]:
    """The rows of the page's statement whose comment begins so."""
    found = re.search(rf"^-- {question}.*?;$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    with sa.create_engine(database, poolclass=sa.NullPool).connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(found[0].replace("::", r"\:\:"))).all()]


def reached(person: str, step: str, number: int, purpose: str | None, **more: dt.datetime) -> Row:
    return match(person, number) | {"step": step, "purpose": purpose, **more}


def test_from_retained_to_paid_by_purpose_and_month(
    database: str, stage: Callable[..., object], publish: Callable[[int], Published]
):
    stage(
        funnel_entry=[*(entry(f"p{n}", 1) for n in range(1, 5)), entry("p5", 1) | {"is_mature": False}],
        funnel_match=[
            reached("p1", "joined", 1, "sales"),
            reached("p1", "retained", 2, "sales"),
            # What was paid for came of another group: the purpose is of the group they were retained in.
            reached("p1", "paid", 3, "referral"),
            reached("p2", "retained", 2, "sales"),
            reached("p3", "retained", 2, "sales", time=NEW_MONTH),
            reached("p4", "retained", 2, None),
            reached("p4", "paid", 3, None),
            reached("p5", "retained", 2, "sales"),
        ],
    )
    publish(1)
    march, april = dt.date(2025, 3, 1), dt.date(2025, 4, 1)
    assert answer(database, "From retained to paid") == [
        ("sales", march, 2, 1, Decimal("50.0")),
        ("sales", april, 1, 0, Decimal("0.0")),
        (None, march, 1, 1, Decimal("100.0")),
    ]


def test_a_refund_counts_in_the_month_in_which_it_was_paid_back(
    database: str, stage: Callable[..., object], publish: Callable[[int], Published]
):
    stage(
        order_credit=[credit("o1", "qq:1", 500, 100, 400)],
        order_refund=[refund("o1", 1, 40), refund("o1", 2, 60) | {"refunded_at": NEW_MONTH}],
    )
    publish(1)
    assert answer(database, "Money in and money out") == [
        (dt.date(2025, 3, 1), "CNY", 500, 40),
        (dt.date(2025, 4, 1), "CNY", 0, 60),
    ]
