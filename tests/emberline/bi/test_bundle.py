"""The bundle that Superset imports."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

from emberline.bi.bundle import BundleNotWritten, bundle, database_file, write_bundle
from schemas.dashboards import DASHBOARDS
from schemas.metrics import METRICS

URL = sa.make_url("postgresql+psycopg://reader:s3cr3t@127.0.0.1:5432/emberline")

BY_MONTH = "Conversion by month of entry"


def files(packed: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return {
            name.removeprefix("emberline/"): yaml.load(archive.read(name), yaml.CSafeLoader)
            for name in archive.namelist()
        }


def of(found: dict[str, Any], folder: str) -> dict[str, Any]:
    return {content["uuid"]: content for name, content in found.items() if name.startswith(folder)}


FILES = files(bundle(URL))


def test_the_password_is_not_in_it():
    assert "s3cr3t" not in yaml.dump(FILES, Dumper=yaml.CSafeDumper)
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


def form(title: str) -> dict[str, Any]:
    (found,) = (chart["params"] for chart in of(FILES, "charts/").values() if chart["slice_name"] == title)
    return found


def test_an_axis_in_seconds_is_drawn_in_days():
    axis = form("Share that has reached a step after so many days")["x_axis"]
    assert (axis["label"], axis["sqlExpression"]) == ("Days", "seconds / 86400::double precision")


def test_what_is_credited_to_no_group_is_named_so():
    group, purpose = form("Sales by group")["groupby"]
    assert group["sqlExpression"] == "coalesce(group_name, 'unattributed')"
    assert purpose["sqlExpression"] == "coalesce(purpose, 'none')"


def test_a_chart_is_filtered_by_equal_and_by_least_values():
    filters = [(one["subject"], one["operator"], one["comparator"]) for one in form(BY_MONTH)["adhoc_filters"]]
    assert filters == [("unit", "==", "month"), ("step_number", ">=", 2)]


def test_no_two_metrics_of_a_chart_have_the_same_color():
    colors = {page["slug"]: page["metadata"]["label_colors"] for page in of(FILES, "dashboards/").values()}
    for dashboard in DASHBOARDS:
        for chart in dashboard.charts:
            if chart.kind in {"lines", "bars"} and len(chart.metrics) > 1:
                assert len({colors[dashboard.slug][name] for name in chart.metrics}) == len(chart.metrics)


def test_every_metric_says_what_it_means_and_is_empty_where_it_would_add_up_what_does_not():
    found = {metric["metric_name"]: metric for data in of(FILES, "datasets/").values() for metric in data["metrics"]}
    for name, metric in found.items():
        assert METRICS[name].meaning in metric["description"]
        assert metric["expression"].startswith("CASE WHEN ") == bool(METRICS[name].within)
        assert bool(metric["warning_text"]) == bool(METRICS[name].within)
    assert '"mart"' not in str(found)
    assert "min(currency) IS NOT DISTINCT FROM max(currency)" in found["net_sales"]["expression"]


@pytest.mark.parametrize("target", ["taken", "no such folder/bundle.zip", ".", "..", "/"])
def test_a_file_that_cannot_be_written_is_named_with_a_way_out(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("taken").mkdir()
    with pytest.raises(BundleNotWritten, match=r"cannot be written: .*\nNext: Name a file"):
        write_bundle(URL, Path(target))
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_bundle_replaces_an_older_one(tmp_path: Path):
    file = tmp_path / "bundle.zip"
    file.write_bytes(b"older")
    write_bundle(URL, file)
    assert file.read_bytes() == bundle(URL)
