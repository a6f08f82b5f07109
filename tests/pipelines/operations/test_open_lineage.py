"""Events of OpenLineage: names that other tools use too, and columns that lead to columns that are there."""

import datetime as dt
from typing import Any
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa
from openlineage.client.serde import Serde

from pipelines.lake import Lake
from pipelines.operations.open_lineage import Checked, EndedRun, Places, Wrote, events
from schemas.lake import TABLES
from schemas.warehouse import DATA_TABLES, MART

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
PLACES = Places(
    Lake("s3://company/lake"),
    sa.make_url("postgresql+psycopg://owner:secret@db:6000/shop"),
    "one:9092,two:9092",
    ["raw"],
)
EVERY = [*((name,) for name in TABLES), *((MART, str(t.name)) for t in DATA_TABLES)]


def sent(*wrote: Wrote, checked: tuple[Checked, ...] = (), outcome: Any = "succeeded", places: Places = PLACES) -> Any:
    """The events of a run, as a collector gets them."""
    run = EndedRun(UUID(int=1), "pipeline_job", NOON, NOON, outcome, wrote, checked)
    return [msgspec.json.decode(Serde.to_json(event)) for event in events(run, places, "emberline")]


def wrote(*key: str) -> Wrote:
    return Wrote(key, NOON, None, None)


def name_of(dataset: Any) -> str:
    return f"{dataset['namespace']} {dataset['name']}"


def test_each_column_leads_to_columns_of_tables_that_are_read_too():
    made = {name_of(event["outputs"][0]): event for event in sent(*(wrote(*key) for key in EVERY))[1:-1]}
    assert len(made) == len(EVERY)
    columns = {
        name: {column["name"] for column in event["outputs"][0]["facets"]["schema"]["fields"]}
        for name, event in made.items()
    }
    for name, event in made.items():
        read = {name_of(dataset) for dataset in event["inputs"]}
        for column, sources in event["outputs"][0]["facets"]["columnLineage"]["fields"].items():
            assert column in columns[name]
            for source in sources["inputFields"]:
                assert name_of(source) in read
                assert source["field"] in columns[name_of(source)]


def test_datasets_have_the_names_that_the_specification_gives_them():
    read, published = sent(wrote("raw"), wrote("mart", "retention"))[1:-1]
    assert [name_of(dataset) for dataset in read["inputs"]] == ["kafka://one:9092 raw"]
    assert name_of(read["outputs"][0]) == "s3://company lake/raw"
    assert [name_of(dataset) for dataset in published["inputs"]] == ["s3://company lake/retention"]
    assert name_of(published["outputs"][0]) == "postgres://db:6000 shop.mart.retention"


def test_a_local_lake_is_named_by_its_path():
    places = Places(Lake("/data/état"), PLACES.warehouse, PLACES.brokers, PLACES.topics)
    assert name_of(sent(wrote("raw"), places=places)[1]["outputs"][0]) == "file /data/état/raw"


@pytest.mark.parametrize(("outcome", "state"), [("succeeded", "COMPLETE"), ("failed", "FAIL"), ("canceled", "ABORT")])
def test_tables_and_checks_stand_below_their_run_which_ends_as_it_ended(outcome: str, state: str):
    checked = Checked(("mart", "retention"), NOON, "expectations", False)
    made = Wrote(("person_day",), NOON, 7, "id/3")
    first, table, check, last = sent(made, checked=(checked,), outcome=outcome)
    assert [first["eventType"], last["eventType"]] == ["START", state]
    assert first["run"]["runId"] == last["run"]["runId"] == str(UUID(int=1))
    for part in (table, check):
        assert part["run"]["facets"]["parent"]["run"]["runId"] == str(UUID(int=1))
        assert part["run"]["runId"] != str(UUID(int=1))
    assert table["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 7
    assert table["outputs"][0]["facets"]["version"]["datasetVersion"] == "id/3"
    [assertion] = check["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert (assertion["assertion"], assertion["success"]) == ("expectations", False)


def test_no_event_names_the_login_of_the_warehouse():
    text = str(sent(*(wrote(*key) for key in EVERY)))
    assert "secret" not in text
    assert "owner:" not in text


def test_the_same_run_has_the_same_ids():
    assert sent(wrote("raw")) == sent(wrote("raw"))


def test_an_asset_that_is_no_table_is_passed_over():
    assert len(sent(wrote("dashboard"))) == 2
