"""The expectation suites as data."""

import pytest

from schemas.expectations import SUITES, Suite
from schemas.warehouse import DATA_TABLES, metadata

ALL_SUITES = pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.table)


def test_every_published_table_has_a_suite() -> None:
    assert list(SUITES) == [table.name for table in DATA_TABLES]


@ALL_SUITES
def test_the_names_in_a_suite_are_unique(suite: Suite) -> None:
    names = [expectation.name for expectation in suite.expectations]
    assert len(set(names)) == len(names)


@ALL_SUITES
def test_every_column_that_may_not_be_null_is_expected_not_to_be(suite: Suite) -> None:
    checked = {e.kwargs["column"] for e in suite.expectations if e.type == "expect_column_values_to_not_be_null"}
    assert checked == {c.name for c in metadata.tables[f"mart.{suite.table}"].columns if not c.nullable}


@ALL_SUITES
def test_every_custom_query_reads_the_batch_and_has_no_join(suite: Suite) -> None:
    queries = [e.kwargs["unexpected_rows_query"] for e in suite.expectations if e.type == "unexpected_rows_expectation"]
    assert all("{batch}" in query and "JOIN" not in query.upper().split() for query in queries)
