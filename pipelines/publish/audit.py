"""Run the expectation suites on the schema `staging`.

Great Expectations evaluates each expectation in a full audit, and otherwise only those that one cheap query finds
broken.

In tables staged as a whole all rows are checked; in others the new and changed rows, and rules across rows and tables
on the parts that contain such rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

import sqlalchemy as sa

from pipelines.publish.database import Database, Refused
from pipelines.publish.errors import NotStaged, ReadFailed, WarehouseUnreachable, without_password
from pipelines.publish.scopes import unique_within_changes, within_changes
from pipelines.publish.screen import UNIQUE, Look, screen
from pipelines.publish.staging import NEW, Staged
from pipelines.publish.verdict import Verdict
from schemas.expectations import Expectation, Severity, Suite, row_count
from schemas.warehouse import STAGING

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.datasource.fluent.interfaces import Batch
    from great_expectations.datasource.fluent.sql_datasource import SQLDatasource

_EXAMPLES: Final = 5
_UNSCREENED: Final = Refused(ReadFailed, "See the message of Great Expectations for each table.")
_YES_OR_NO: Final = {"result_format": "BOOLEAN_ONLY"}
_SEVERITIES: Final[dict[Severity, Literal["error", "warn"]]] = {"critical": "error", "warning": "warn"}


def audit(url: str, suites: Sequence[Suite], *, staged: Mapping[str, Staged], is_full: bool = False) -> list[Verdict]:
    """Check the staged version; rules across tables need all of `DATA_TABLES` staged.

    Args:
        url: SQLAlchemy URL of the warehouse.
        suites: The suites to run, each on the table of its name.
        staged: What `Warehouse` staged, by table. A suite that reads a table staged as a whole is run on all rows.
        is_full: Whether Great Expectations evaluates every expectation, whatever the query finds.

    Returns:
        One verdict per expectation, the row count of each table first.

    Raises:
        NotStaged: `staged` lacks a table.
        WarehouseUnreachable: PostgreSQL does not answer.
    """
    warehouse = sa.make_url(url)
    if lacking := [suite.table for suite in suites if suite.table not in staged]:
        raise NotStaged(
            f"Nothing is staged for {', '.join(lacking)}.",
            url=warehouse,
            next_step="Stage the tables, then audit them.",
        )
    looks = [look for suite in suites for look in _looks(suite, staged)]
    doubtful = [look.expectations for look in looks] if is_full else _doubtful(Database(url), looks)
    # Opened only if there is something to evaluate: importing Great Expectations takes seconds.
    with _staging(warehouse) if any(doubtful) else nullcontext() as datasource:
        verdicts = [
            verdict for look, some in zip(looks, doubtful, strict=True) for verdict in _verdicts(look, some, datasource)
        ]
    return [v if v.error is None else replace(v, error=without_password(v.error, warehouse)) for v in verdicts]


def _looks(suite: Suite, staged: Mapping[str, Staged]) -> Iterator[Look]:
    """Return what a suite checks: all rows if a table it reads is staged as a whole, else new and changed rows."""
    count = row_count(staged[suite.table].rows)
    if any(name in staged and staged[name].is_whole for name in suite.tables):
        yield Look(suite, (count,), f"{suite.table}{NEW}")
        yield Look(suite, suite.expectations, suite.table)
    else:
        changed = (_within_changes(suite, expectation) for expectation in suite.expectations)
        yield Look(suite, (count, *changed), f"{suite.table}{NEW}")


def _within_changes(suite: Suite, expectation: Expectation) -> Expectation:
    """Return the expectation for new and changed rows, extended by the rows that a rule compares them with."""
    if expectation.rule is not None:
        query = within_changes(suite.table, expectation.rule)
    elif expectation.type in UNIQUE:
        query = unique_within_changes(suite.table, suite.key)
    else:
        return expectation
    return replace(expectation, type="unexpected_rows_expectation", kwargs={"unexpected_rows_query": query})


@contextmanager
def _staging(url: sa.URL) -> Iterator[SQLDatasource]:
    """Open Great Expectations on the warehouse without persistence, telemetry or progress bars."""
    import great_expectations as gx
    from great_expectations.data_context.types import base
    from great_expectations.datasource.fluent.interfaces import TestConnectionError

    context = gx.get_context(
        mode="ephemeral",
        project_config=base.DataContextConfig(
            store_backend_defaults=base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            analytics_enabled=False,
            progress_bars=base.ProgressBarsConfig(globally=False),
        ),
    )
    try:
        # Its PostgreSQL datasource accepts no Unix sockets; this one does and is otherwise the same.
        datasource = context.data_sources.add_sql("warehouse", connection_string=url.render_as_string(False))
    except TestConnectionError as error:
        raise WarehouseUnreachable(
            f"PostgreSQL does not answer Great Expectations: {error}",
            url=url,
            next_step="Check that it runs, and that the warehouse URL has its host, port, user and database.",
        ) from error
    try:
        yield datasource
    finally:
        datasource.get_engine().dispose()


def _doubtful(warehouse: Database, looks: Sequence[Look]) -> list[tuple[Expectation, ...]]:
    """Return the expectations of each look that are broken, or all of its where a query cannot find out which.

    Great Expectations takes some 20 ms per expectation and per table, however small the table.
    """
    broken = _broken(warehouse, looks)
    return [_broken_in(warehouse, look) if number in broken else () for number, look in enumerate(looks)]


def _broken_in(warehouse: Database, look: Look) -> tuple[Expectation, ...]:
    broken = _broken(warehouse, [replace(look, expectations=(one,)) for one in look.expectations])
    return tuple(one for number, one in enumerate(look.expectations) if number in broken)


def _broken(warehouse: Database, looks: Sequence[Look]) -> set[int]:
    """Return the numbers of the looks with broken expectations, or all if one query cannot find out."""
    if not looks:
        return set()
    try:
        with warehouse.transaction(_UNSCREENED) as connection:
            return set(connection.scalars(sa.text(screen(looks))))
    except ReadFailed:
        return set(range(len(looks)))


def _verdicts(look: Look, doubtful: Sequence[Expectation], datasource: SQLDatasource | None) -> list[Verdict]:
    """Return the verdicts: those not doubtful pass; of others the results first, then examples of failures."""
    suite, expectations = look.suite, look.expectations
    if datasource is None or not doubtful:
        return [_verdict(suite, expectation, success=True) for expectation in expectations]
    if (batch := _batch(datasource, look.rows)) is None:
        missing = f"{STAGING}.{look.rows} does not exist: stage it first"
        return [_verdict(suite, expectation, success=False, error=missing) for expectation in expectations]
    results = _run(batch, doubtful, _YES_OR_NO)
    broken = [e for e in doubtful if not results[e.name].success and _error(results[e.name]) is None]
    if broken:
        # A missing key column must not turn the other checks of the table into errors.
        columns = {column["name"] for column in sa.inspect(datasource.get_engine()).get_columns(look.rows, STAGING)}
        key = [column for column in suite.key if column in columns]
        detail = {"result_format": "COMPLETE", "partial_unexpected_count": _EXAMPLES}
        results |= _run(batch, broken, detail | ({"unexpected_index_column_names": key} if key else {}))
    return [_judged(suite, expectation, results.get(expectation.name)) for expectation in expectations]


def _batch(datasource: SQLDatasource, name: str) -> Batch | None:
    """Return a batch of all rows of a table or view of `staging`; None if it does not exist."""
    from great_expectations.datasource.fluent.interfaces import TestConnectionError

    if name not in datasource.get_asset_names():
        try:
            asset = datasource.add_table_asset(name, table_name=name, schema_name=STAGING)
        except TestConnectionError:
            return None
        asset.add_batch_definition_whole_table("all")
    return datasource.get_asset(name).get_batch_definition("all").get_batch()


def _run(
    batch: Batch, expectations: Sequence[Expectation], result_format: dict[str, Any]
) -> dict[str, ExpectationValidationResult]:
    """Return the results by the expectations' names, which are unique in a suite."""
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    configured = [ExpectationConfiguration(e.type, dict(e.kwargs), meta={"name": e.name}) for e in expectations]
    suite = ExpectationSuite(name="staging", expectations=configured)
    outcome = batch.validate(suite, result_format=result_format)
    return {_name(result): result for result in outcome.results}


def _name(result: ExpectationValidationResult) -> str:
    configured = result.expectation_config
    return configured.meta["name"] if configured and configured.meta else ""


def _error(result: ExpectationValidationResult) -> str | None:
    """Return why Great Expectations could not evaluate; `exception_info` is flat or keyed by metric."""
    info = result.exception_info or {}
    if "raised_exception" in info:
        return str(info["exception_message"]) if info["raised_exception"] else None
    causes = {str(metric["exception_message"]).partition("\n[SQL:")[0].strip() for metric in info.values()}
    return "; ".join(sorted(causes)) or None


def _judged(suite: Suite, expectation: Expectation, result: ExpectationValidationResult | None) -> Verdict:
    if result is None:
        return _verdict(suite, expectation, success=True)
    if (error := _error(result)) is not None:
        return _verdict(suite, expectation, success=False, error=error)
    if result.success:
        return _verdict(suite, expectation, success=True)
    found = result.result
    if expectation.type == "unexpected_rows_expectation":
        count, examples = found["observed_value"], found["details"]["unexpected_rows"]
    elif "unexpected_count" in found:
        count = found["unexpected_count"]
        examples = found.get("unexpected_index_list") or found["partial_unexpected_list"]
    else:
        count, examples = None, [{"observed": found["observed_value"]}]
    shown = tuple(row if isinstance(row, Mapping) else {"value": row} for row in examples[:_EXAMPLES])
    return replace(_verdict(suite, expectation, success=False), unexpected_rows=count, examples=shown)


def _verdict(suite: Suite, expectation: Expectation, *, success: bool, error: str | None = None) -> Verdict:
    return Verdict(suite.table, expectation.name, success, _SEVERITIES[expectation.severity], error=error)
