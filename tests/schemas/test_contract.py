"""The contract is one of ODCS, and nothing in it breaks what a released one promised."""

import copy
import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from schemas import views
from schemas.contract import CONTRACT_VERSION, breaking, contract, dbt_sources
from schemas.metrics import METRICS
from schemas.warehouse import metadata

RELEASED = Path(__file__).parents[2] / "docs" / "contracts"
Change = Callable[[dict[str, Any]], object]


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def last_released() -> dict[str, Any]:
    files = RELEASED.glob("*.odcs.yaml")
    newest = max(files, key=lambda file: version(file.name.removesuffix(".odcs.yaml")))
    return yaml.load(newest.read_text(), yaml.CSafeLoader)


def table(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in document["schema"] if one["name"] == name)


def named(document: dict[str, Any], of_table: str, name: str) -> dict[str, Any]:
    return next(one for one in table(document, of_table)["properties"] if one["name"] == name)


@pytest.mark.parametrize("document", [contract(), last_released()], ids=["now", "released"])
def test_the_contract_is_one_of_the_standard(document: dict[str, Any]):
    standard = json.loads(resources.files("open_data_contract_standard").joinpath("schema.json").read_text())
    errors = jsonschema.Draft201909Validator(standard).iter_errors(document)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


def test_a_breaking_difference_to_the_last_release_is_another_major_version():
    released = last_released()
    if version(CONTRACT_VERSION)[0] == version(released["version"])[0]:
        assert breaking(released, contract()) == [], "raise the major version of schemas.contract.CONTRACT_VERSION"
    assert version(CONTRACT_VERSION) >= version(released["version"])


def without_column(document: dict[str, Any]) -> None:
    table(document, "group_day")["properties"].remove(named(document, "group_day", "clicks"))


PLANTED: list[tuple[str, Change, list[str]]] = [
    ("a table less", lambda c: c["schema"].remove(table(c, "lifecycle")), ["lifecycle is removed or renamed"]),
    ("a column less", without_column, ["group_day.clicks is removed or renamed"]),
    (
        "another name",
        lambda c: named(c, "group_day", "clicks").update(name="link_clicks"),
        ["group_day.clicks is removed or renamed"],
    ),
    (
        "a narrower type",
        lambda c: named(c, "group_day", "clicks").update(physicalType="integer"),
        ["group_day.clicks is integer, was bigint"],
    ),
    ("a wider type", lambda c: named(c, "group_day", "clicks").update(physicalType="numeric(38, 0)"), []),
    (
        "a null",
        lambda c: named(c, "group_day", "clicks").update(required=False),
        ["group_day.clicks may be null"],
    ),
    ("never null", lambda c: named(c, "dim_group", "purpose").update(required=True), []),
    (
        "another key",
        lambda c: named(c, "group_day", "day").update(primaryKey=False),
        ["group_day.key is group_id, was day, group_id"],
    ),
    (
        "a metric less",
        lambda c: named(c, "order_credit", "net_sales").update(name="sales"),
        ["order_credit.net_sales is removed or renamed"],
    ),
    (
        "a metric in another unit",
        lambda c: named(c, "order_credit", "net_sales")["customProperties"][0].update(value="yuan"),
        ["order_credit.net_sales is in yuan, was in minor units of currency"],
    ),
    ("a table more", lambda c: c["schema"].append({"name": "new", "properties": []}), []),
]


@pytest.mark.parametrize(("change", "found"), [pytest.param(*row[1:], id=row[0]) for row in PLANTED])
def test_what_breaks_a_reader_is_found_and_nothing_else(change: Change, found: list[str]):
    before = contract()
    after = copy.deepcopy(before)
    change(after)
    assert breaking(before, after) == found


def test_every_table_column_and_metric_is_in_the_contract_and_every_number_says_how_it_adds_up():
    document = contract()
    for stored in (*metadata.sorted_tables, *views.metadata.sorted_tables):
        names = [one["name"] for one in table(document, str(stored.name))["properties"]]
        metrics = [metric.name for metric in METRICS.values() if metric.dataset.table is stored]
        assert names == [*(str(column.name) for column in stored.columns), *metrics]
    for one in document["schema"]:
        for part in one["properties"]:
            assert part["description"], (one["name"], part["name"])
            if part["logicalType"] in {"number", "integer"}:
                told = {row["property"] for row in part["customProperties"]}
                assert told >= {"unit", "addsUp"} or told >= {"unit", "addsUpOver"}, (one["name"], part["name"])


def test_sources_of_dbt_have_the_tests_of_keys_nulls_and_values():
    tables = {one["name"]: one for one in dbt_sources()["sources"][0]["tables"]}
    columns = {one["name"]: one for one in tables["dim_group"]["columns"]}
    assert columns["group_id"]["data_tests"] == ["not_null", "unique"]
    assert "data_tests" not in columns["name"]
    of_group = tables["group_day"]["columns"][0]
    to = {"to": "source('emberline', 'dim_group')", "field": "group_id"}
    assert {"relationships": {"arguments": to}} in of_group["data_tests"]
    state = next(one for one in tables["group_state"]["columns"] if one["name"] == "state")
    values = next(test for test in state["data_tests"] if isinstance(test, dict))
    assert "dying" in values["accepted_values"]["arguments"]["values"]
