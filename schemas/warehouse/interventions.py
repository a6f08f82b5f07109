"""Tables of what the company did for groups, and what became of these."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from schemas.columns import MINOR, SHARE, says
from schemas.mart_columns import TIME, amount, metadata, number

intervention = sa.Table(
    "intervention",
    metadata,
    sa.Column("group_id", sa.Text, primary_key=True),
    sa.Column("intervention_id", sa.Text, primary_key=True),
    sa.Column("at", TIME, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("by", sa.Text),
    sa.Column("note", sa.Text),
    sa.Index(None, "day"),
    comment="What the company did for a group: what somebody noted, and what the stream shows.",
)

intervention_effect = sa.Table(
    "intervention_effect",
    metadata,
    sa.Column("action", sa.Text, primary_key=True),
    sa.Column("purpose", sa.Text, primary_key=True, comment="purpose of the groups; empty: of all purposes"),
    number("cases", "actions in groups in need for which there are comparable untreated groups", "cases", ("purpose",)),
    number("alive_again", "cases whose group was alive 28 days later", "cases", ("purpose",)),
    number("untreated", "untreated groups that cases are compared with, each counted once per day", "days of groups"),
    sa.Column(
        "untreated_share",
        sa.Double,
        nullable=False,
        **says("share of comparable untreated groups that were alive 28 days later, weighted as cases are", SHARE),
    ),
    *(
        sa.Column(name, sa.Double, nullable=False, **says(text, "difference of shares, -1 to 1"))
        for name, text in (
            ("difference", "alive_again / cases, less untreated_share"),
            ("difference_low", "lower limit of its interval of 95 %"),
            ("difference_high", "upper limit of its interval of 95 %"),
        )
    ),
    sa.Column("is_effect", sa.Boolean, nullable=False, comment="true if the interval does not contain 0"),
    comment="What became of groups in need within 28 days of an action, beside comparable untreated ones. A difference "
    "is no cause.",
)

_LIMITS: Final = ("difference_low", "difference_high")

_OF_ONE_MARKET: Final = ("purpose", "model", "currency")

_BESIDE: Final = {
    "net": "mean net sales of the groups of cases in the 28 days after, in minor units of the currency",
    "untreated": "mean net sales of comparable untreated groups in 28 days, in minor units of the currency",
    "difference": "net_minor less untreated_minor, in minor units of the currency",
    "difference_low": "lower limit of its interval of 95 %, in minor units of the currency; null: all sold the same",
    "difference_high": "upper limit of its interval of 95 %, in minor units of the currency; null: all sold the same",
}

intervention_sales = sa.Table(
    "intervention_sales",
    metadata,
    sa.Column("action", sa.Text, primary_key=True),
    sa.Column("purpose", sa.Text, primary_key=True, comment="purpose of the groups; empty: of all purposes"),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("currency", sa.Text, primary_key=True),
    number("cases", "actions in groups in need whose sales of 28 days are known", "cases", _OF_ONE_MARKET),
    number("selling_cases", "cases whose group sold anything in these days", "cases", _OF_ONE_MARKET),
    number("untreated", "untreated groups that cases are compared with, each counted once per day", "days of groups"),
    *(
        sa.Column(f"{name}_minor", sa.Numeric(38, 0), nullable=name in _LIMITS, **says(text, MINOR))
        for name, text in _BESIDE.items()
    ),
    *(amount(name) for name in _BESIDE),
    sa.Column("is_effect", sa.Boolean, nullable=False, comment="true if the interval does not contain 0"),
    comment="What groups in need sold in the 28 days after an action, beside comparable untreated ones. A difference "
    "is no cause.",
)
