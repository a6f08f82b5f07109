"""The data contract of the warehouse (Open Data Contract Standard, ODCS 3.2), and which changes break it.

It is generated from the tables and the metrics. Each release keeps a copy; a change that breaks a reader of that copy
needs a new major version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from schemas.columns import Meaning, meaning_of
from schemas.expectations import SUITES
from schemas.metric import Metric
from schemas.metrics import METRICS
from schemas.references import REFERENCES
from schemas.table import OWNERS
from schemas.views import metadata as views
from schemas.warehouse import MART, metadata

CONTRACT_VERSION: Final = "1.1.0"
"""Semantic version: a breaking change since the last released contract needs a new major version."""

_SHOWN: Final = (*metadata.sorted_tables, *views.sorted_tables)
_PURPOSE: Final = (
    "From engagement in chat groups to sales: groups and their states, members, funnels, retention, attribution."
)
_LIMITS: Final = (
    "Persons appear as pseudonyms only. Money is in minor units beside its currency: never add different currencies. "
    "Figures of incomplete periods are null or flagged, and figures of complete ones may be restated: see "
    "mart.restatement."
)
_MEASURE: Final = "measure"
_LOGICAL: Final[tuple[tuple[type[sa.types.TypeEngine[Any]], str], ...]] = (
    (sa.Boolean, "boolean"), (sa.Integer, "integer"), (sa.Numeric, "number"), (sa.Double, "number"), (sa.Date, "date"),
    (sa.DateTime, "timestamp"), (sa.Text, "string"),
)  # fmt: skip
_WIDER: Final = {
    "smallint": ("integer", "bigint", "numeric(38, 0)"),
    "integer": ("bigint", "numeric(38, 0)"),
    "bigint": ("numeric(38, 0)",),
}
"""By type: the wider types that hold all its values."""


def contract() -> dict[str, Any]:
    """Return the contract as an ODCS document."""
    return {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": "emberline-mart",
        "name": "emberline mart",
        "version": CONTRACT_VERSION,
        "status": "active",
        "description": {"purpose": _PURPOSE, "limitations": _LIMITS},
        "team": {"name": OWNERS["warehouse"]},
        "schema": [_table(table) for table in _SHOWN],
    }


def _table(table: sa.Table) -> dict[str, Any]:
    name = str(table.name)
    suite = SUITES.get(name)
    checks = [] if suite is None else [_check(one.name, one.severity) for one in suite.expectations]
    measures = [_measure(metric) for metric in METRICS.values() if metric.dataset.table is table]
    return {
        "name": name,
        "physicalName": table.fullname,
        "physicalType": "table" if table.metadata is metadata else "view",
        "logicalType": "object",
        "description": table.comment,
        "properties": [*(_column(table, column) for column in table.columns), *measures],
        **({"quality": checks} if checks else {}),
    }


def _column(table: sa.Table, column: sa.Column[Any]) -> dict[str, Any]:
    meaning, key = meaning_of(column), list(table.primary_key.columns)
    keys = {"primaryKey": True, "primaryKeyPosition": key.index(column) + 1} if column.primary_key else {}
    return {
        "name": str(column.name),
        "logicalType": next(name for kind, name in _LOGICAL if isinstance(column.type, kind)),
        "physicalType": column.type.compile(dialect=postgresql.dialect()).lower(),
        "description": meaning.text,
        "required": not column.nullable,
        **keys,
        **({"relationships": [{"type": "foreignKey", "to": to}]} if (to := _referred_to(table, column)) else {}),
        **_custom(_of_number(meaning)),
    }


def _referred_to(table: sa.Table, column: sa.Column[Any]) -> str | None:
    """Return `table.column` of the other table that a single column refers to."""
    found = (f"{one.to}.{one.key[0]}" for one in REFERENCES if (one.table, one.columns) == (table.name, (column.name,)))
    return next(found, None)


def _measure(metric: Metric) -> dict[str, Any]:
    named = {
        "unit": metric.unit,
        "format": metric.format,
        "needsOneValueOf": list(metric.within),
        "addsUpOver": list(metric.adds_up_over),
        "owner": metric.owner,
    }
    return {
        "name": metric.name,
        "semanticType": _MEASURE,
        "logicalType": "date" if metric.format == "day" else "number",
        "description": metric.meaning,
        "transformLogic": metric.sql,
        **_custom(named),
    }


def _of_number(meaning: Meaning) -> dict[str, Any]:
    return {} if meaning.unit is None else {"unit": meaning.unit, "addsUp": meaning.summing}


def _custom(named: Mapping[str, Any]) -> dict[str, Any]:
    rows = [{"property": name, "value": value} for name, value in named.items()]
    return {"customProperties": rows} if rows else {}


def _check(name: str, severity: str) -> dict[str, Any]:
    return {"type": "text", "description": name, "severity": "error" if severity == "critical" else severity}


def breaking(released: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Describe each change between two contracts that breaks a reader of the first.

    Args:
        released: A contract as `contract` gives it.
        now: The contract to compare with it.
    """
    tables = {table["name"]: table for table in now["schema"]}
    found = []
    for table in released["schema"]:
        if table["name"] not in tables:
            found.append(f"{table['name']} is removed or renamed")
            continue
        found += [f"{table['name']}.{what}" for what in _breaking(table, tables[table["name"]])]
    return found


def _breaking(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    properties = {one["name"]: one for one in after["properties"]}
    for one in before["properties"]:
        name, other = one["name"], properties.get(one["name"])
        if other is None or other.get("semanticType") != one.get("semanticType"):
            yield f"{name} is removed or renamed"
            continue
        kind, new_kind = one.get("physicalType"), other.get("physicalType")
        if kind != new_kind and new_kind not in _WIDER.get(str(kind), ()):
            yield f"{name} is {new_kind}, was {kind}"
        if one.get("required") and not other.get("required"):
            yield f"{name} may be null"
        if one.get("transformLogic") and _unit(one) != _unit(other):
            yield f"{name} is in {_unit(other)}, was in {_unit(one)}"
    keys = [_key(table["properties"]) for table in (before, after)]
    if keys[0] != keys[1]:
        yield f"key is {', '.join(keys[1])}, was {', '.join(keys[0])}"


def _unit(one: Mapping[str, Any]) -> str | None:
    return next((row["value"] for row in one.get("customProperties", ()) if row["property"] == "unit"), None)


def _key(properties: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted(one["name"] for one in properties if one.get("primaryKey"))


def dbt_sources() -> dict[str, Any]:
    """Return the tables as dbt sources, with meanings, units and tests."""
    return {
        "version": 2,
        "sources": [
            {
                "name": "emberline",
                "schema": MART,
                "description": f"{_PURPOSE} {_LIMITS}",
                "tables": [_dbt_table(table) for table in _SHOWN],
            }
        ],
    }


def _dbt_table(table: sa.Table) -> dict[str, Any]:
    return {
        "name": str(table.name),
        "description": table.comment,
        "columns": [_dbt_column(table, column) for column in table.columns],
    }


def _dbt_column(table: sa.Table, column: sa.Column[Any]) -> dict[str, Any]:
    tests: list[Any] = [] if column.nullable else ["not_null"]
    if [column] == list(table.primary_key.columns):
        tests.append("unique")
    if to := _referred_to(table, column):
        other, _, key = to.partition(".")
        tests.append({"relationships": {"arguments": {"to": f"source('emberline', '{other}')", "field": key}}})
    if values := _accepted(str(table.name), str(column.name)):
        tests.append({"accepted_values": {"arguments": {"values": values}}})
    meta = _of_number(meaning_of(column))
    return {
        "name": str(column.name),
        "description": meaning_of(column).text,
        "data_type": column.type.compile(dialect=postgresql.dialect()).lower(),
        **({"config": {"meta": meta}} if meta else {}),
        **({"data_tests": tests} if tests else {}),
    }


def _accepted(table: str, column: str) -> list[str]:
    suite = SUITES.get(table)
    return next(
        (
            list(one.kwargs["value_set"])
            for one in (suite.expectations if suite else ())
            if one.type == "expect_column_values_to_be_in_set" and one.kwargs["column"] == column
        ),
        [],
    )
