"""Assets from the registry of tables: descriptions of lake tables in Dagster, and metadata of refreshes."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any, Final

import dagster as dg
import sqlalchemy as sa

from pipelines.lake import Lake
from pipelines.refresh import Refreshed
from pipelines.refresh.written import rows_version
from schemas.described import DescribedColumn, columns_of_lake, columns_of_mart
from schemas.lake import TABLES, LakeTable
from schemas.mart import sources_of
from schemas.table import OWNERS
from schemas.warehouse import MART

WAREHOUSE: Final = "warehouse"
"""The group of the assets of mart."""

MOST_PLOT_BYTES: Final = 8 * 1024

_STORED: Final = "deltalake"
_COMPUTED: Final = "polars"
_OTHERS: Final[Mapping[str, frozenset[str]]] = {
    "raw": frozenset({"kafka"}),
    "risk_model": frozenset({_COMPUTED, "scikitlearn"}),
    "group_risk": frozenset({_COMPUTED, "scikitlearn"}),
}
"""What the tables are made with that are not made with Polars alone."""


def asset(table: LakeTable) -> dict[str, Any]:
    """What the registry says of a table, as arguments of `dagster.asset` or `dagster.AssetSpec`."""
    # Whoever reads what changed in a table hangs on the table: to draw both would hide the graph behind its lines.
    read = [other.name for other in table.reads if not other.is_change_log]
    return {
        "key": table.name,
        "deps": read,
        "group_name": table.group,
        "kinds": {_STORED, *_OTHERS.get(table.name, {_COMPUTED})},
        "owners": [OWNERS[table.group]],
        "description": table.description,
        "code_version": str(table.code_version) if table.is_fact else None,
        "metadata": {
            **of_columns(columns_of_lake(table)),
            "key": list(table.key),
            **({"guided by": [other.name for other in table.guided_by]} if table.guided_by else {}),
            **({"settings": list(table.settings)} if table.settings else {}),
        },
    }


def specs(*tables: LakeTable) -> list[dg.AssetSpec]:
    """Return the specs of tables that one function computes."""
    return [dg.AssetSpec(**asset(table)) for table in tables]


def published(table: sa.Table) -> dict[str, Any]:
    """What the registry says of a warehouse table, as arguments of `dagster.AssetSpec`."""
    return {
        "key": [MART, str(table.name)],
        "deps": [source.name for source in sources_of(table)],
        "description": table.comment,
        **_of_warehouse(table, columns_of_mart(table)),
    }


def _of_warehouse(table: sa.Table, columns: Sequence[DescribedColumn]) -> dict[str, Any]:
    return {
        "group_name": WAREHOUSE,
        "kinds": {"postgres"},
        "owners": [OWNERS[WAREHOUSE]],
        "metadata": {**of_columns(columns), "key": [str(column.name) for column in table.primary_key]},
    }


def written_by_people() -> list[dg.AssetSpec]:
    """Return the tables that commands write: Dagster does not compute them, but shows what depends on them."""
    return specs(*(table for table in TABLES.values() if table.written_by_people))


def of_columns(columns: Sequence[DescribedColumn]) -> dict[str, Any]:
    """The columns as Dagster shows them, and what each is computed from.

    Only the hosted Dagster draws the lineage of columns: the page of the open one shows it in their descriptions.
    """
    return {
        "dagster/column_schema": dg.TableSchema(
            [dg.TableColumn(column.name, column.dtype, _description(column), tags=_tags(column)) for column in columns]
        ),
        "dagster/column_lineage": dg.TableColumnLineage(
            {
                column.name: [dg.TableColumnDep(dg.AssetKey(list(key)), name) for key, name in column.sources]
                for column in columns
                if column.sources
            }
        ),
    }


def _description(column: DescribedColumn) -> str:
    """What a column means, and what it is computed from, with links to the pages of these assets."""
    sources = ", ".join(f"[{'/'.join(key)}.{name}](/assets/{'/'.join(key)})" for key, name in column.sources)
    return f"{column.meaning.text}\n\nFrom {sources}" if sources else column.meaning.text


def _tags(column: DescribedColumn) -> dict[str, str]:
    """The unit of a number, and over which rows it adds up."""
    meaning = column.meaning
    return {} if meaning.unit is None else {"unit": meaning.unit, "adds up": meaning.summing}


def refreshed(
    lake: Lake, outcomes: Mapping[str, Refreshed], more: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
) -> Iterator[dg.MaterializeResult]:
    """Report to Dagster the result of a refresh by fact, the version of its rows, and `more` metadata by fact."""
    for name, outcome in outcomes.items():
        yield materialized(lake, TABLES[name], {**asdict(outcome), **more.get(name, {})})


def plotted(svg: str | None) -> dict[str, dg.MetadataValue]:
    """Return a plot as metadata that Dagster's page shows; none if there is no plot or it is too large.

    Each materialization keeps its own copy in Dagster's event log.
    """
    if svg is None or len(svg.encode()) > MOST_PLOT_BYTES:
        return {}
    data = base64.b64encode(svg.encode()).decode()
    return {"plot": dg.MetadataValue.md(f"![plot](data:image/svg+xml;base64,{data})")}


def materialized(lake: Lake, table: LakeTable, metadata: Mapping[str, Any]) -> dg.MaterializeResult:
    """Report to Dagster the version of a table's rows, which is the same as before if none changed."""
    handle = lake.open(table)
    rows = {"dagster/row_count": metadata["rows"]} if table.is_fact and "rows" in metadata else {}
    version = dg.DataVersion(f"{handle.id}/{rows_version(handle)}")
    return dg.MaterializeResult(table.name, metadata={**metadata, **rows}, data_version=version)
