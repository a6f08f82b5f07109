"""The bundle that Superset imports."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import sqlalchemy as sa
import yaml

from emberline.bi.bundle import bundle, database_file
from schemas.dashboards import DASHBOARDS
from schemas.metrics import METRICS

URL = sa.make_url("postgresql+psycopg://reader:s3cr3t@127.0.0.1:5432/emberline")


def files(packed: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return {name.removeprefix("emberline/"): yaml.safe_load(archive.read(name)) for name in archive.namelist()}


def of(found: dict[str, Any], folder: str) -> dict[str, Any]:
    return {content["uuid"]: content for name, content in found.items() if name.startswith(folder)}


FILES = files(bundle(URL))


def test_the_password_is_not_in_it():
    assert "s3cr3t" not in yaml.safe_dump(FILES)
    assert "reader:XXXXXXXXXX@" in FILES[database_file()]["sqlalchemy_uri"]


def test_equal_bundles_have_equal_bytes():
    assert bundle(URL) == bundle(URL)


def test_each_part_names_one_that_is_there():
    databases, datasets, charts = (of(FILES, folder) for folder in ("databases/", "datasets/", "charts/"))
    assert {dataset["database_uuid"] for dataset in datasets.values()} == databases.keys()
    assert {chart["dataset_uuid"] for chart in charts.values()} <= datasets.keys()
    shown = set()
    for dashboard in of(FILES, "dashboards/").values():
        places = [part["meta"] for part in dashboard["position"].values() if "CHART" in str(part)[:16]]
        shown |= {meta["uuid"] for meta in places if "uuid" in meta}
        for choice in dashboard["metadata"]["native_filter_configuration"]:
            assert choice["targets"][0]["datasetUuid"] in datasets
    assert shown == charts.keys()
    assert len(of(FILES, "dashboards/")) == len(DASHBOARDS)


def test_what_a_chart_asks_for_is_a_column_or_a_metric_of_its_dataset():
    datasets = of(FILES, "datasets/")
    for chart in of(FILES, "charts/").values():
        dataset = datasets[chart["dataset_uuid"]]
        query = json.loads(chart["query_context"])["queries"][0]
        assert set(query["metrics"]) <= {metric["metric_name"] for metric in dataset["metrics"]}
        columns = {column["column_name"] for column in dataset["columns"]}
        assert {*query["columns"], *(condition["col"] for condition in query["filters"])} <= columns


def test_every_metric_says_what_it_means_and_is_empty_where_it_would_add_up_what_does_not():
    found = {metric["metric_name"]: metric for data in of(FILES, "datasets/").values() for metric in data["metrics"]}
    for name, metric in found.items():
        assert METRICS[name].meaning in metric["description"]
        assert metric["expression"].startswith("CASE WHEN ") == bool(METRICS[name].within)
        assert bool(metric["warning_text"]) == bool(METRICS[name].within)
    assert '"mart"' not in str(found)
    assert "min(currency) IS NOT DISTINCT FROM max(currency)" in found["net_sales"]["expression"]
