"""The difference between two versions of a table: applied to the published rows it gives the next ones."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from pipelines.lake import Handle, Lake
from pipelines.lake_maintenance import maintain
from pipelines.operations.maintenance import MaintenancePolicy
from pipelines.publish.columns import cast_to
from pipelines.publish.differences import between, difference, is_restored
from pipelines.publish.rows import rows_of, state_of
from pipelines.publish.staging import Difference, LakeVersion, State
from schemas import kinds
from schemas.lake import FUNNEL_ENTRY, ORDER_CREDIT
from schemas.mart import sources_of
from schemas.warehouse import DATA_TABLES, excluded_account, funnel_match, lifecycle, order_credit
from tests.examples import examples
from tests.pipelines.publish.company import frames, table
from tests.pipelines.test_incremental import FACTS, happened, said, spent
from tests.pipelines.test_summaries_refresh import Summarised

Change = Callable[[Summarised], object]


def opened(lake: Lake, place: sa.Table) -> dict[str, Handle]:
    return {source.name: lake.open(source) for source in sources_of(place)}


def rows_now(lake: Lake, place: sa.Table) -> pl.DataFrame:
    handles = opened(lake, place)
    return cast_to(place, rows_of(place, lambda source: handles[source.name].scan())).collect()


def alike(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    return one.sort(pl.all()).equals(other.sort(pl.all()), null_equal=True)


def applied(rows: pl.DataFrame, found: Difference) -> pl.DataFrame:
    return pl.concat([rows.join(found.old, on=rows.columns, how="anti", nulls_equal=True), found.new])


def bought(company: Summarised, days_ago: int) -> None:
    """An order that a message about a product led to."""
    order = {"member_id": "app:ann", "order_id": f"{days_ago}", "total_minor": 700, "currency": "EUR", "group": ...}
    company.send(
        happened(kinds.LINK_CLICKED, days_ago, 1, member_id="app:ann", group="app:g", message_id="offer"),
        happened(kinds.ORDER_PAID, days_ago, 2, **order),
    )


CHANGES: dict[str, Change] = {
    "a message of today": lambda company: company.send(said("app:chen", 1)),
    "a late message": lambda company: company.send(said("app:bo", 45)),
    "an order of today": lambda company: bought(company, 1),
    "a late order": lambda company: bought(company, 37),
    "a late message of an operator": lambda company: company.send(said("app:op", 45, role="operator")),
    "a cost in a currency of its own": lambda company: company.send(spent(70, 5, currency="USD")),
    "another group": lambda company: company.send(said("app:ann", 2, group="app:other")),
    "another purpose": lambda company: company.send(happened(kinds.GROUP_UPDATED, 1, group="app:g", purpose="service")),
    "files put together": lambda company: [
        maintain(company.lake, fact, MaintenancePolicy(small_files=0)) for fact in (ORDER_CREDIT, FUNNEL_ENTRY)
    ],
}


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Summarised:
    """A company that sold something, summarised, for copies of it."""
    company = Summarised(Lake(str(tmp_path_factory.mktemp("company") / "lake")))
    company.send(
        happened(kinds.GROUP_CREATED, 60, group="app:g", purpose="sales"),
        said("app:ann", 50),
        happened(kinds.MESSAGE_SENT, 39, group="app:g", member_id="app:op", role="operator", message_id="offer",
                 message_kind="product", product_id="tea", id="offer"),
    )  # fmt: skip
    bought(company, 38)
    company.summarise(facts=FACTS)
    return company


@pytest.fixture
def company(once: Summarised, tmp_path: Path) -> Summarised:
    return once.copied(tmp_path / "lake")


@given(changes=st.lists(st.sampled_from(sorted(CHANGES)), min_size=1, max_size=4))
@examples(12)
def test_the_difference_leads_from_any_version_to_any_later_one(
    once: Summarised, tmp_path_factory: pytest.TempPathFactory, changes: list[str]
) -> None:
    company = once.copied(tmp_path_factory.mktemp("differences") / "lake")
    published = {
        place.name: (state_of(place, opened(company.lake, place)), rows_now(company.lake, place))
        for place in DATA_TABLES
    }
    for change in changes:
        CHANGES[change](company)
        company.summarise(facts=FACTS)
    for place in DATA_TABLES:
        state, rows = published[place.name]
        found = difference(company.lake, place, opened(company.lake, place), state)
        assert found is not None
        assert alike(applied(rows, found), rows_now(company.lake, place)), place.name
        # A process that wrote nothing does not know what was changed, and compares the versions.
        compared = difference(other := Lake(company.lake.uri), place, opened(other, place), state)
        assert compared is not None
        assert alike(compared.old, found.old), place.name
        assert alike(compared.new, found.new), place.name
        assert found.old.join(found.new, on=rows.columns, how="semi", nulls_equal=True).is_empty()
        if state.name == state_of(place, opened(company.lake, place)).name:
            assert found.old.is_empty(), place.name
            assert found.new.is_empty(), place.name


def test_an_account_of_many_months_is_compared_over_all_of_them(company: Summarised) -> None:
    place, lake = excluded_account, company.lake
    state, rows = state_of(place, opened(lake, place)), rows_now(lake, place)
    company.send(said("app:op", 1, role="operator"))
    company.summarise(facts=FACTS)
    found = difference(lake, place, opened(lake, place), state)
    assert found is not None
    assert found.new["messages"].to_list() == [2]
    assert alike(applied(rows, found), rows_now(lake, place))


def test_only_rows_that_differ_are_in_it() -> None:
    place, rows = table("group_day"), frames()["group_day"]
    later = pl.concat([rows.head(1).with_columns(messages=pl.lit(9, pl.Int64)), rows[1:2]])
    found = between(place, rows, later, "then")
    assert alike(found.new, later.head(1))
    assert alike(found.old, pl.concat([rows.head(1), rows[2:3]]))


def test_a_row_that_is_there_twice_is_in_it_twice() -> None:
    place, rows = table("group_day"), frames()["group_day"]
    assert between(place, rows, pl.concat([rows, rows.head(1)]), "then").new.height == 2


def test_of_a_lake_that_lost_the_published_version_there_is_none(tmp_path_factory: pytest.TempPathFactory) -> None:
    lake = Lake(str(tmp_path_factory.mktemp("lost")))
    now = opened(lake, lifecycle)
    state = state_of(lifecycle, now)
    assert difference(lake, lifecycle, now, state) is not None
    assert difference(lake, lifecycle, now, State(state.name, {"lifecycle": LakeVersion(99, "other")})) is None
    assert difference(lake, lifecycle, now, State(state.name)) is None


def test_of_a_lake_whose_old_files_were_removed_there_is_none(company: Summarised) -> None:
    state = state_of(order_credit, opened(company.lake, order_credit))
    bought(company, 37)
    company.summarise(facts=FACTS)
    assert difference(company.lake, order_credit, opened(company.lake, order_credit), state) is not None
    maintain(company.lake, ORDER_CREDIT, MaintenancePolicy(keep_versions=dt.timedelta(0)))
    assert difference(company.lake, order_credit, opened(company.lake, order_credit), state) is None


def test_a_lake_restored_from_a_backup_has_no_difference_though_its_versions_count_on_to_the_same(
    company: Summarised, tmp_path: Path
) -> None:
    lake, backup = tmp_path / "lake", tmp_path / "backup"
    shutil.copytree(lake, backup)
    bought(company, 37)
    company.summarise(facts=FACTS)
    published, rows = state_of(order_credit, opened(company.lake, order_credit)), rows_now(company.lake, order_credit)

    shutil.rmtree(lake)
    shutil.copytree(backup, lake)
    bought(company, 36)
    company.summarise(facts=FACTS)

    handles = opened(company.lake, order_credit)
    assert state_of(order_credit, handles).name == published.name
    assert not alike(rows_now(company.lake, order_credit), rows)
    assert is_restored(company.lake, order_credit, handles, published)
    assert difference(company.lake, order_credit, handles, published) is None


def test_what_a_group_is_for_changes_rows_of_months_without_news(company: Summarised) -> None:
    state = state_of(funnel_match, opened(company.lake, funnel_match))
    CHANGES["another purpose"](company)
    company.summarise(facts=FACTS)
    found = difference(company.lake, funnel_match, opened(company.lake, funnel_match), state)
    assert found is not None
    assert found.new["purpose"].unique().to_list() == ["service"]
    assert found.old["purpose"].unique().to_list() == ["sales"]
