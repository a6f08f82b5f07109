"""The bundle that Superset imports: one database, its datasets with metrics, charts and dashboards, as YAML files.

They refer to each other by UUIDs derived from names, so importing a newer bundle replaces an older one.
"""

from __future__ import annotations

import io
import uuid
import zipfile
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
import yaml
from sqlalchemy.dialects import postgresql

from emberline.bi.charts import COLOR_SCHEME, saved_chart
from emberline.bi.names import DATABASE, uuid_of, worded
from emberline.embedded.state import write_whole
from schemas.dashboard import Dashboard
from schemas.dashboards import DASHBOARDS
from schemas.dataset import Dataset
from schemas.errors import EmberlineError
from schemas.metric import D3_FORMATS, Metric
from schemas.metrics import DATASETS, METRICS
from schemas.quoting import quoted

_ROOT: Final = "emberline"
_VERSION: Final = "1.0.0"
"""Of the format; Superset knows no other."""
_MADE_AT: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time stamp of a ZIP entry, so that equal bundles have equal bytes."""
_COLORS: Final = ("#1FA8C9", "#454E7C", "#5AC189", "#FF7F44", "#666666", "#E04355", "#FCC700", "#A868B7")
"""The first of the color scheme."""


def database_file() -> str:
    """The name of the database's file in the bundle: Superset's API takes the password by this name."""
    return f"databases/{DATABASE}.yaml"


class BundleNotWritten(EmberlineError):
    """The bundle could not be written to the given path."""


def write_bundle(url: sa.URL, target: Path) -> None:
    """Write the bundle into a file; an existing one is replaced atomically. For `url` see `bundle`.

    Raises:
        BundleNotWritten: There is no such folder, or the file cannot be written.
    """
    try:
        write_whole(target, bundle(url))
    except OSError as error:
        raise BundleNotWritten(
            f"{target} cannot be written: {error.strerror}.", "Name a file in a folder that you may write to."
        ) from error


def bundle(url: sa.URL) -> bytes:
    """Write the bundle as a ZIP file.

    Args:
        url: SQLAlchemy URL of the warehouse with a read-only login. Its password is not written.
    """
    files = {"metadata.yaml": {"version": _VERSION, "type": "assets", "timestamp": "2026-01-01T00:00:00+00:00"}}
    files[database_file()] = _database(url)
    for dataset in DATASETS.values():
        files[f"datasets/{DATABASE}/{dataset.name}.yaml"] = _dataset(dataset)
    charts = {chart.title: chart for dashboard in DASHBOARDS for chart in dashboard.charts}
    numbers = {title: number for number, title in enumerate(charts, 1)}
    for title, chart in charts.items():
        files[f"charts/{numbers[title]}.yaml"] = {"version": _VERSION, **saved_chart(chart)}
    for dashboard in DASHBOARDS:
        files[f"dashboards/{dashboard.slug}.yaml"] = _dashboard(dashboard, numbers)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
            archive.writestr(zipfile.ZipInfo(f"{_ROOT}/{name}", _MADE_AT), text, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _database(url: sa.URL) -> dict[str, Any]:
    masked = url.set(drivername="postgresql+psycopg2", password="X" * 10 if url.password else None)
    return {
        "version": _VERSION,
        "database_name": "emberline warehouse",
        "sqlalchemy_uri": masked.render_as_string(hide_password=False),
        "uuid": uuid_of("database", DATABASE),
        "expose_in_sqllab": True,
        "allow_dml": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_csv_upload": False,
        "extra": {},
    }


def _dataset(dataset: Dataset) -> dict[str, Any]:
    of_day = "day" if dataset.day is not None else None
    return {
        "version": _VERSION,
        "table_name": dataset.name,
        "main_dttm_col": of_day,
        "description": str(dataset.table.comment or ""),
        "sql": dataset.sql,
        "uuid": uuid_of("dataset", dataset.name),
        "database_uuid": uuid_of("database", DATABASE),
        "columns": [_column(dataset, name) for name in _columns(dataset)],
        "metrics": [_metric(metric) for metric in METRICS.values() if metric.dataset == dataset],
    }


def _columns(dataset: Dataset) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*dataset.dimensions, *(str(column.name) for column in dataset.table.columns))))


def _column(dataset: Dataset, name: str) -> dict[str, Any]:
    kind = dataset.type_of(name)
    return {
        "column_name": name,
        "verbose_name": worded(name),
        "is_dttm": isinstance(kind, sa.Date | sa.DateTime),
        "is_active": True,
        "type": kind.compile(postgresql.dialect()),
        "groupby": name in dataset.dimensions,
        "filterable": True,
        "description": dataset.meaning(name),
    }


def _metric(metric: Metric) -> dict[str, Any]:
    within = ", ".join(metric.within)
    return {
        "metric_name": metric.name,
        "verbose_name": worded(metric.name),
        "metric_type": None,
        "expression": _guarded(metric),
        "description": f"{metric.meaning} ({metric.unit}); owner: {metric.owner}",
        "d3format": D3_FORMATS[metric.format] or None,
        "warning_text": f"Empty where rows of several {within} come together: they do not add up." if within else None,
    }


def _guarded(metric: Metric) -> str:
    """The SQL of a metric: null for rows that differ in a column of `metric.within`, such as several currencies.

    Somebody who builds a chart in Superset is not stopped by the checks of `pipelines.question`.
    """
    columns = [quoted(name) for name in metric.within]
    one = " AND ".join(f"min({column}) IS NOT DISTINCT FROM max({column})" for column in columns)
    return f"CASE WHEN {one} THEN {metric.sql_as_shown} END" if one else metric.sql_as_shown


def _dashboard(dashboard: Dashboard, numbers: dict[str, int]) -> dict[str, Any]:
    return {
        "version": _VERSION,
        "dashboard_title": dashboard.title,
        "description": dashboard.about,
        "slug": dashboard.slug,
        "uuid": uuid_of("dashboard", dashboard.slug),
        "position": _position(dashboard, numbers),
        "metadata": {
            "color_scheme": COLOR_SCHEME,
            "label_colors": _series_colors(dashboard),
            "refresh_frequency": 0,
            "cross_filters_enabled": False,
            "native_filter_configuration": [_choice(dashboard, name, numbers) for name in dashboard.choices],
        },
        "published": True,
    }


def _series_colors(dashboard: Dashboard) -> dict[str, str]:
    """A color for each metric that is a line or a bar beside others.

    By itself Superset takes the first color for the only series of a chart, and then for one of several elsewhere.
    """
    beside = (chart for chart in dashboard.charts if len(chart.metrics) > 1 and chart.kind in {"lines", "bars"})
    names = dict.fromkeys(name for chart in beside for name in chart.metrics)
    return dict(zip(names, cycle(_COLORS), strict=False))


def _position(dashboard: Dashboard, numbers: dict[str, int]) -> dict[str, Any]:
    """The grid of the page: rows of charts."""
    rows = [f"ROW-{number}" for number, _ in enumerate(dashboard.rows)]
    parts: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": rows, "parents": ["ROOT_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": dashboard.title}},
    }
    for row, charts in zip(rows, dashboard.rows, strict=True):
        places = [f"CHART-{numbers[chart.title]}" for chart in charts]
        above = ["ROOT_ID", "GRID_ID"]
        parts[row] = {
            "type": "ROW",
            "id": row,
            "children": places,
            "parents": above,
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        for place, chart in zip(places, charts, strict=True):
            meta = {
                "chartId": numbers[chart.title],
                "uuid": uuid_of("chart", chart.title),
                "width": chart.width,
                "height": chart.height,
                "sliceName": chart.title,
            }
            parts[place] = {"type": "CHART", "id": place, "children": [], "parents": [*above, row], "meta": meta}
    return parts


def _choice(dashboard: Dashboard, name: str, numbers: dict[str, int]) -> dict[str, Any]:
    """A filter at the top of the page: one value, from the first on, of the charts that have the dimension."""
    bearing = [chart for chart in dashboard.charts if name in dashboard.choosable(chart)]
    others = [numbers[chart.title] for chart in dashboard.charts if chart not in bearing]
    target = {"datasetUuid": uuid_of("dataset", bearing[0].dataset.name), "column": {"name": name}}
    return {
        "id": f"NATIVE_FILTER-{uuid.UUID(uuid_of('choice', f'{dashboard.slug} {name}')).hex[:12]}",
        "name": worded(name),
        "filterType": "filter_select",
        "type": "NATIVE_FILTER",
        "targets": [target],
        "controlValues": {
            "multiSelect": False,
            "enableEmptyFilter": True,
            "defaultToFirstItem": True,
            "inverseSelection": False,
            "searchAllOptions": False,
        },
        "defaultDataMask": {"extraFormData": {}, "filterState": {}},
        # Without it a page shows the first value as chosen and does not ask its charts for it.
        "requiredFirst": True,
        "cascadeParentIds": [],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": others},
    }
