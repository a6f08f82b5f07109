"""Run the expectation suites on the schema `staging` with Great Expectations, in SQL.

Of tables staged as a whole every expectation looks at all rows; of others each row that is new or changed is looked at,
and rules across rows and tables at the parts that these are in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from pipelines.publish.errors import NotStaged, WarehouseUnreachable, without_password
from pipelines.publish.scopes import within_changes
from pipelines.publish.staging import NEW, Staged
from pipelines.publish.verdict import Verdict
from schemas.expectations import Expectation, Severity, Suite, row_count
from schemas.warehouse import STAGING

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.datasource.fluent.interfaces import Batch
    from great_expectations.datasource.fluent.sql_datasource import SQLDatasource

_EXAMPLES: Final = 5
_YES_OR_NO: Final = {"result_format": "BOOLEAN_ONLY"}
_SEVERITIES: Final[dict[Severity, Literal["error", "warn"]]] = {"critical": "error", "warning": "warn"}


def audit(url: str, suites: Sequence[Suite], *, staged: Mapping[str, Staged]) -> list[Verdict]:
    """Check the staged version; rules across tables need all of `DATA_TABLES` staged.

    Args:
        url: SQLAlchemy URL of the warehouse.
        suites: The suites to run, each on the table of its name.
        staged: What `Warehouse` staged, by table. A suite that names a table staged as a whole is run on all rows.

    Returns:
        A verdict an expectation, the row count of each table first.

    Raises:
        NotStaged: `staged` lacks a table.
        WarehouseUnreachable: PostgreSQL does not answer.
    """
    warehouse = sa.make_url(url)
    if lacking := [suite.table for suite in suites if suite.table not in staged]:
        raise NotStaged(
            f"Nothing is staged of {', '.join(lacking)}.",
            url=warehouse,
            next_step="Stage the tables, then audit them.",
        )
    whole = frozenset(name for name, one in staged.items() if one.is_whole)
    with _staging(warehouse) as datasource:
        verdicts = []
        for suite in suites:
            count, is_whole = row_count(staged[suite.table].rows), not whole.isdisjoint(suite.tables)
            if is_whole:
                verdicts += _verdicts(datasource, suite, [count], f"{suite.table}{NEW}")
                verdicts += _verdicts(datasource, suite, suite.expectations, suite.table)
            else:
                changed = (_within_changes(suite.table, expectation) for expectation in suite.expectations)
                verdicts += _verdicts(datasource, suite, [count, *changed], f"{suite.table}{NEW}")
    return [v if v.error is None else replace(v, error=without_password(v.error, warehouse)) for v in verdicts]


@contextmanager
def _staging(url: sa.URL) -> Iterator[SQLDatasource]:
    """Great Expectations' view of the warehouse: nothing kept, nothing reported to anyone, no progress bars."""
    # Importing it takes some eight seconds: only those who audit pay.
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
        # Its datasource for PostgreSQL takes no Unix socket; this one does, and differs in nothing else.
        datasource = context.data_sources.add_sql("warehouse", connection_string=url.render_as_string(False))
    except TestConnectionError as error:
        raise WarehouseUnreachable(
            f"PostgreSQL does not answer Great Expectations: {error}",
            url=url,
            next_step="See that it runs, and that the warehouse URL names its host, port, user and database.",
        ) from error
    try:
        yield datasource
    finally:
        datasource.get_engine().dispose()


def _verdicts(datasource: SQLDatasource, suite: Suite, expectations: Sequence[Expectation], name: str) -> list[Verdict]:
    """Ask for yes or no first, in one query; look for examples of the noes only.

    One query asks whether any row breaks anything; only where that finds one, or cannot be asked, is each expectation
    asked for itself. Great Expectations takes some 20 ms an expectation, however small the table.

    Args:
        datasource: The schema `staging`.
        suite: Whose expectations they are.
        expectations: What is asked.
        name: The table or view whose rows are asked.
    """
    if (batch := _batch(datasource, name)) is None:
        missing = f"{STAGING}.{suite.table} does not exist: stage it first"
        return [_verdict(suite, expectation, success=False, error=missing) for expectation in expectations]
    screen, screened = _screen(suite, expectations)
    asked = [e for e in expectations if e not in screened]
    results = _run(batch, [*asked, *screen], _YES_OR_NO)
    if not all(results[e.name].success for e in screen):
        asked = expectations
        results |= _run(batch, screened, _YES_OR_NO)
    broken = [e for e in asked if not results[e.name].success and _error(results[e.name]) is None]
    if broken:
        # A key column that is missing must not turn the other checks of the table into errors.
        columns = {column["name"] for column in sa.inspect(datasource.get_engine()).get_columns(name, STAGING)}
        key = [column for column in suite.key if column in columns]
        detail = {"result_format": "COMPLETE", "partial_unexpected_count": _EXAMPLES}
        results |= _run(batch, broken, detail | ({"unexpected_index_column_names": key} if key else {}))
    return [
        _judged(suite, e, results[e.name]) if e in asked else _verdict(suite, e, success=True) for e in expectations
    ]


def _batch(datasource: SQLDatasource, name: str) -> Batch | None:
    """All rows of a table or view of `staging`; none where it is not there."""
    from great_expectations.datasource.fluent.interfaces import TestConnectionError

    try:
        asset = datasource.add_table_asset(name, table_name=name, schema_name=STAGING)
    except TestConnectionError:
        return None
    return asset.add_batch_definition_whole_table("all").get_batch()


def _within_changes(table: str, expectation: Expectation) -> Expectation:
    if expectation.rule is None:
        return expectation
    return replace(expectation, kwargs={"unexpected_rows_query": within_changes(table, expectation.rule)})


def _screen(suite: Suite, expectations: Sequence[Expectation]) -> tuple[list[Expectation], list[Expectation]]:
    """The check that no row breaks any of the expectations on rows, if there are some; and those."""
    found: dict[str, str] = {}
    for expectation in expectations:
        if (query := _finding(suite, expectation)) is not None:
            found[expectation.name] = query
    if not found:
        return [], []
    any_found = " UNION ALL ".join(f"(SELECT 1 FROM ({query}) AS broken LIMIT 1)" for query in found.values())
    name = "no row breaks anything"
    query = f"SELECT * FROM ({any_found}) AS found LIMIT 1"
    screened = [e for e in expectations if e.name in found]
    return [Expectation("unexpected_rows_expectation", name, {"unexpected_rows_query": query})], screened


def _finding(suite: Suite, expectation: Expectation) -> str | None:
    """A query that finds a row where the expectation does not hold; none where it takes another way to see that."""
    if "unexpected_rows_query" in expectation.kwargs:
        return expectation.kwargs["unexpected_rows_query"]
    batch = sa.text("{batch}")
    match expectation.type:
        case "expect_column_values_to_be_unique" | "expect_compound_columns_to_be_unique":
            key = [sa.column(name) for name in suite.key]
            found = sa.select(*key).select_from(batch).group_by(*key).having(sa.func.count() > 1)
        case _ if (breach := breach_of(expectation)) is not None:
            found = sa.select(sa.literal(1)).select_from(batch).where(breach)
        case _:
            return None
    # What Great Expectations formats and SQLAlchemy then takes for its text.
    sql = str(found.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))
    return (
        sql.replace("{", "{{").replace("}", "}}").replace("{{batch}}", "{batch}").replace("%%", "%").replace(":", r"\:")
    )


def breach_of(expectation: Expectation) -> sa.ColumnElement[bool] | None:
    """What a row looks like that breaks the expectation, for those on the values of a column."""
    match expectation.type:
        case "expect_column_values_to_not_be_null":
            return sa.column(expectation.kwargs["column"]).is_(None)
        case "expect_column_values_to_be_between" if expectation.kwargs.keys() == {"column", "min_value", "max_value"}:
            value = sa.column(expectation.kwargs["column"], sa.Double)
            low, high = expectation.kwargs["min_value"], expectation.kwargs["max_value"]
            return sa.or_(*([] if low is None else [value < low]), *([] if high is None else [value > high]))
        case "expect_column_values_to_be_in_set":
            return sa.column(expectation.kwargs["column"], sa.Text).not_in(expectation.kwargs["value_set"])
        case "expect_column_values_to_match_regex":
            return ~sa.column(expectation.kwargs["column"], sa.Text).regexp_match(expectation.kwargs["regex"])
        case _:
            return None


def _run(
    batch: Batch, expectations: Sequence[Expectation], result_format: dict[str, Any]
) -> dict[str, ExpectationValidationResult]:
    """The results by the expectations' names, which are unique in a suite."""
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
    """Why Great Expectations could not evaluate; `exception_info` is then keyed by metric, else it is flat."""
    info = result.exception_info or {}
    if "raised_exception" in info:
        return str(info["exception_message"]) if info["raised_exception"] else None
    causes = {str(metric["exception_message"]).partition("\n[SQL:")[0].strip() for metric in info.values()}
    return "; ".join(sorted(causes)) or None


def _judged(suite: Suite, expectation: Expectation, result: ExpectationValidationResult) -> Verdict:
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
