"""The expectation suites of the warehouse, as data: what a staging version must meet before it is published.

Checks of columns, keys, nulls and counts are derived from `schemas.warehouse`; value sets, patterns and ranges depend
on column names; rules across rows and tables are in `schemas.business_rules`. An empty table meets all of them, since
a new company's tables are empty: only `row_count` finds rows lost on the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

import sqlalchemy as sa

from schemas import kinds
from schemas.attribution import MODELS, UNATTRIBUTED
from schemas.business_rules import EMPTIED, RULES, Rule
from schemas.dimensions import ENGAGEMENT
from schemas.disagreement import DISAGREEMENTS
from schemas.funnel import PROPERTIES, TOUCHES
from schemas.interventions import ACTIONS, ORIGINS
from schemas.lake import GROUP_STATES
from schemas.warehouse import DATA_TABLES, STAGING

BREAKDOWNS: Final = ("company", "group", "purpose", "carrier")
"""Breakdowns of activity."""

EXCLUSIONS: Final = ("ignored", "quarantined")
"""Outcomes of a record that is not an event."""

Severity = Literal["critical", "warning"]
"""`critical` blocks the publication, `warning` is reported and published."""


@dataclass(frozen=True)
class Expectation:
    """One check: a Great Expectations type with its arguments, its description, and its `Rule`, if any."""

    type: str
    name: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity = "critical"
    rule: Rule | None = None


@dataclass(frozen=True)
class Suite:
    """The checks of one staging table, and the columns that identify one of its rows."""

    table: str
    key: tuple[str, ...]
    expectations: tuple[Expectation, ...]

    @property
    def tables(self) -> frozenset[str]:
        """The staging tables that the checks read: its own, and those that its rules name."""
        queries = (e.kwargs["unexpected_rows_query"] for e in self.expectations if "unexpected_rows_query" in e.kwargs)
        return frozenset({self.table}.union(*(re.findall(rf"\b{STAGING}\.(\w+)", query) for query in queries)))


def row_count(rows: int) -> Expectation:
    """Return the check that all loaded rows are there. Every other check passes on a table that lost rows."""
    return Expectation("expect_table_row_count_to_equal", f"all {rows} rows loaded are there", {"value": rows})


def _pattern(annotated: object) -> str:
    return get_args(annotated)[1].pattern


_VALUES: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("group_state", "state"): GROUP_STATES,
    ("group_risk", "disagreement"): tuple(DISAGREEMENTS),
    ("intervention", "action"): ACTIONS,
    ("intervention", "origin"): ORIGINS,
    ("intervention_effect", "action"): ACTIONS,
    ("intervention_sales", "action"): ACTIONS,
    ("intervention_sales", "model"): MODELS,
    ("member_state", "state"): ENGAGEMENT,
    ("dim_person", "engagement"): ENGAGEMENT,
    ("retention", "unit"): ("week", "month"),
    ("lifecycle", "unit"): ("day", "week", "month"),
    ("exclusion", "kind"): EXCLUSIONS,
    ("excluded_account", "reason"): kinds.STAFF,
    ("segment_activity", "unit"): ("day", "week", "month"),
    **{(name, "breakdown"): BREAKDOWNS for name in ("segment_activity", "segment_retention")},
    ("order_credit", "model"): MODELS,
    ("segment_sales", "breakdown"): ("purpose", "carrier"),
    ("funnel_breakdown", "by"): PROPERTIES,
    ("funnel_breakdown", "touch"): TOUCHES,
    ("funnel_breakdown", "segment_kind"): ("total", "value", "none", "other"),
    ("funnel_time_to_convert", "since"): ("entry", "step_before"),
    ("funnel_trend", "unit"): ("day", "week", "month"),
}

_PATTERNS: Final[dict[str, str]] = {"group_id": _pattern(kinds.Key), "currency": _pattern(kinds.Currency)}

_WITH_UNATTRIBUTED: Final = (
    "dim_group",
    "group_sales",
    "group_sales_day",
    "message_sales",
    "spend_day",
    "spend_return",
)
"""Tables in which sales or costs of no group have a group id of their own, `unattributed`."""

_RANGES: Final[dict[str, tuple[float | None, float | None]]] = {
    "entry": (1, None),
    "step_number": (1, None),
    "steps_reached": (1, None),
    "rate_overall": (0, 1),
    "operator_share_28d": (0, 1),
    "rate_step": (0, 1),
    "conversion": (0, 1),
    "conversion_low": (0, 1),
    "conversion_high": (0, 1),
    **{f"{prefix}{measure}_seconds": (0, None) for prefix in ("", "step_") for measure in ("median", "mean", "p90")},
    "weekday": (1, 7),
    "hour": (0, 23),
    "active_windows": (0, 4),
    "connected_windows": (0, 4),
    "recency_score": (1, 5),
    "frequency_score": (1, 5),
    "monetary_score": (1, 5),
    "p_alive": (0, 1),
    "expected_purchases": (0, None),
    "risk_28": (0, 1),
    "risk_56": (0, 1),
    "model_share": (0, 1),
    "decentralisation": (0, 1),
    "fragmentation": (0, 1),
    "untreated_share": (0, 1),
    **dict.fromkeys(("difference", "difference_low", "difference_high"), (-1, 1)),
    **dict.fromkeys(("difference_minor", "difference_low_minor", "difference_high_minor"), (None, None)),
    **dict.fromkeys(("difference_amount", "difference_low_amount", "difference_high_amount"), (None, None)),
}


def _of_table(table: sa.Table) -> Iterator[Expectation]:
    names = [column.name for column in table.columns]
    yield Expectation(
        "expect_table_columns_to_match_set",
        "the columns are those of the contract",
        {"column_set": names, "exact_match": True},
    )
    key = [column.name for column in table.primary_key]
    if len(key) == 1:
        yield Expectation("expect_column_values_to_be_unique", f"{key[0]} is unique", {"column": key[0]})
    else:
        name = f"({', '.join(key)}) is unique"
        yield Expectation("expect_compound_columns_to_be_unique", name, {"column_list": key})
    yield Expectation(
        "unexpected_rows_expectation",
        "the table is not empty if the published version has rows",
        {"unexpected_rows_query": EMPTIED.replace("<published>", table.fullname).replace("<table>", table.name)},
        severity="warning",
    )


def _of_column(table: sa.Table, column: sa.Column[Any]) -> Iterator[Expectation]:
    at: dict[str, Any] = {"column": column.name}
    if not column.nullable:
        yield Expectation("expect_column_values_to_not_be_null", f"{column.name} is never null", at)
    if values := _VALUES.get((table.name, column.name)):
        name = f"{column.name} is one of {', '.join(values)}"
        yield Expectation("expect_column_values_to_be_in_set", name, at | {"value_set": list(values)})
    if pattern := _PATTERNS.get(column.name):
        if column.name == "group_id" and table.name in _WITH_UNATTRIBUTED:
            pattern = f"{pattern}|^{UNATTRIBUTED}$"
        name = f"{column.name} matches {pattern}"
        yield Expectation("expect_column_values_to_match_regex", name, at | {"regex": pattern})
    low, high = _RANGES.get(column.name, (0, None) if _is_whole_number(column) else (None, None))
    if low is not None:
        name = f"{column.name} is at least {low}" + (f" and at most {high}" if high is not None else "")
        yield Expectation("expect_column_values_to_be_between", name, at | {"min_value": low, "max_value": high})


def _is_whole_number(column: sa.Column[Any]) -> bool:
    # SQLAlchemy counts floats as numeric, too.
    is_sum = isinstance(column.type, sa.Numeric) and not isinstance(column.type, sa.Float)
    return is_sum or isinstance(column.type, sa.Integer)


def _of_rules(table: sa.Table) -> Iterator[Expectation]:
    for name, rule in RULES.get(table.name, {}).items():
        yield Expectation("unexpected_rows_expectation", name, {"unexpected_rows_query": rule.of_all_rows}, rule=rule)


def _suite(table: sa.Table) -> Suite:
    by_column = (expectation for column in table.columns for expectation in _of_column(table, column))
    key = tuple(column.name for column in table.primary_key)
    return Suite(table.name, key, (*_of_table(table), *by_column, *_of_rules(table)))


SUITES: Final[dict[str, Suite]] = {table.name: _suite(table) for table in DATA_TABLES}
"""The suite of each published table, by table name."""
