"""Rules across rows and tables, limited to changes: each reads only the parts that contain staged rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from pipelines.publish.staging import NEW, OLD
from schemas.business_rules import BATCH, ONE, Rule
from schemas.quoting import quoted
from schemas.warehouse import MART, STAGING, metadata

_BATCH: Final = f"{{{BATCH}}}"


def within_changes(table: str, rule: Rule) -> str:
    """Return the query of a rule for a batch of the new and changed rows of its table.

    Unchanged rows in unchanged parts passed when they were published.

    Args:
        table: The table of the rule's suite.
        rule: See `schemas.business_rules`.
    """
    if rule.sums:
        return _sums_of_changes(table, rule)
    if not rule.by:
        return rule.of_all_rows
    divided = {table if name == BATCH else name: columns for name, columns in rule.by.items()}
    parts = (
        _parts_without_row(rule.refers_to, divided) if rule.refers_to else _changed_parts(table, divided, rule.whole)
    )
    scopes = [f"parts AS MATERIALIZED ({parts})"]
    query = rule.of_all_rows
    for name, columns in divided.items():
        if name == rule.refers_to:
            continue
        if rule.refers_to:
            rows = f"SELECT * FROM {_BATCH} UNION ({_next_rows(name, _in_parts(columns))})"
        else:
            rows = _rows_of_parts(name, columns)
        scopes.append(f"scoped_{name} AS NOT MATERIALIZED ({rows})")
        query = re.sub(rf"\b{STAGING}\.{name}\b", f"scoped_{name}", query)
    query = query.replace(_BATCH, f"scoped_{table}")
    return f"WITH {', '.join(scopes)} SELECT * FROM ({query}) AS broken"


def unique_within_changes(table: str, key: Sequence[str]) -> str:
    """Return a query for rows with duplicate keys, among the keys of new and changed rows."""
    columns = ", ".join(map(quoted, key))
    rows = _next_rows(table, f"({columns}) IN (SELECT {columns} FROM {_BATCH})")
    there = f"SELECT {columns}, count(*) OVER (PARTITION BY {columns}) AS rows_there FROM ({rows}) AS next_rows"
    return f"SELECT * FROM ({there}) AS keys WHERE rows_there > 1"


def _in_parts(columns: Sequence[str]) -> str:
    return f"({', '.join(columns)}) IN (SELECT * FROM parts)"


def _rows_of_parts(table: str, columns: Sequence[str]) -> str:
    """Return the query of the next version's rows in the parts, each looked up by an index of `mart`.

    PostgreSQL overestimates the number of parts and would scan all rows; `OFFSET 0` prevents that.
    """
    same = " AND ".join(f"{column} = looked_up.part_{number}" for number, column in enumerate(columns))
    names = ", ".join(f"part_{number}" for number in range(len(columns)))
    stays = (
        f"(SELECT of_part.* FROM parts AS looked_up ({names}), "
        f"LATERAL (SELECT * FROM {MART}.{table} WHERE {same} OFFSET 0) AS of_part)"
    )
    return _next_version(table, stays, "true", _in_parts(columns))


def _next_rows(table: str, condition: str) -> str:
    """Return the query of the next version's rows that meet a condition on their columns."""
    return _next_version(table, f"{MART}.{table}", condition, condition)


def _next_version(table: str, published: str, of_published: str, of_coming: str) -> str:
    """Return the query of published rows that stay and of new rows, each with a condition.

    The same as the view of the table in `staging`, which PostgreSQL would not query by an index.
    """
    names = ", ".join(map(quoted, metadata.tables[f"{MART}.{table}"].columns.keys()))
    key = metadata.tables[f"{MART}.{table}"].primary_key
    same = " AND ".join(f"goes.{name} = stays.{name}" for name in (quoted(column.name) for column in key))
    return (
        f"SELECT {names} FROM {published} AS stays WHERE {of_published}"
        f" AND NOT EXISTS (SELECT FROM {STAGING}.{table}{OLD} AS goes WHERE {same})"
        f" UNION ALL SELECT {names} FROM {STAGING}.{table}{NEW} AS comes WHERE {of_coming}"
    )


def _sums_of_changes(table: str, rule: Rule) -> str:
    """Return the query over new rows, and over deleted rows with their amounts and counts negated."""
    changes, query = [], rule.query.replace(ONE, "counts")
    for name, amounts in ((table if name == BATCH else name, columns) for name, columns in rule.sums.items()):
        names = metadata.tables[f"{MART}.{name}"].columns.keys()
        columns = [quoted(column) for column in names]
        taken = (f"-{column} AS {column}" if column in amounts else column for column in columns)
        new = _BATCH if name == table else f"{STAGING}.{name}{NEW}"
        rows = (
            f"SELECT {', '.join(columns)}, 1 AS counts FROM {new} "
            f"UNION ALL SELECT {', '.join(taken)}, -1 FROM {STAGING}.{name}{OLD}"
        )
        changes.append(f"changes_of_{name} AS ({rows})")
        query = re.sub(rf"\b{STAGING}\.{name}\b", f"changes_of_{name}", query)
    query = query.replace(_BATCH, f"changes_of_{table}")
    return f"WITH {', '.join(changes)} SELECT * FROM ({query}) AS broken"


def _changed_parts(table: str, divided: dict[str, tuple[str, ...]], whole: Mapping[str, tuple[str, ...]]) -> str:
    """Return the query of the parts with new, changed or deleted rows; all, if values of an undivided table changed."""
    sides = [
        (_BATCH if (name, suffix) == (table, NEW) else f"{STAGING}.{name}{suffix}", columns)
        for name, columns in divided.items()
        for suffix in (NEW, OLD)
    ]
    parts = [f"SELECT {', '.join(columns)} FROM {rows}" for rows, columns in sides]
    if whole:
        moved = " OR ".join(
            f"EXISTS (SELECT FROM {STAGING}.{name}{suffix} AS moved WHERE NOT EXISTS "
            f"(SELECT FROM {others}.{name} AS there WHERE {_same('moved', 'there', columns)}))"
            for name, columns in whole.items()
            for suffix, others in ((NEW, MART), (OLD, STAGING))
        )
        parts += [
            f"SELECT {', '.join(columns)} FROM {STAGING}.{name} WHERE {moved}" for name, columns in divided.items()
        ]
    return " UNION ".join(parts)


def _same(one: str, other: str, columns: Sequence[str]) -> str:
    return " AND ".join(f"{one}.{column} = {other}.{column}" for column in columns)


def _parts_without_row(referred_to: str, divided: dict[str, tuple[str, ...]]) -> str:
    """Return the query of the parts that no longer have a row in the table that is referred to.

    Most have a new row in place of the old one. The others are looked up by the index of `mart`, since `OFFSET 0`
    prevents a join with all of its rows.
    """
    columns = divided[referred_to]
    names, key = ", ".join(columns), metadata.tables[f"{MART}.{referred_to}"].primary_key.columns.keys()
    return (
        f"SELECT {names} FROM (SELECT {names} FROM {STAGING}.{referred_to}{OLD}"
        f" EXCEPT SELECT {names} FROM {STAGING}.{referred_to}{NEW}) AS gone WHERE NOT EXISTS ("
        f"SELECT FROM {MART}.{referred_to} AS stays WHERE {_same('stays', 'gone', columns)} AND NOT EXISTS ("
        f"SELECT FROM {STAGING}.{referred_to}{OLD} AS goes WHERE {_same('goes', 'stays', key)}) OFFSET 0)"
    )
