"""Charts as Superset saves them: the form that draws them, and the query that their data endpoint runs."""

from __future__ import annotations

import json
from typing import Any, Final

from emberline.bi.names import uuid_of, worded
from schemas.dashboard import Chart, Kind
from schemas.metric import D3_FORMATS

_TYPES: Final[dict[Kind, str]] = {
    "number": "big_number_total",
    "lines": "echarts_timeseries_line",
    "bars": "echarts_timeseries_bar",
    "stacked_bars": "echarts_timeseries_bar",
    "table": "table",
    "heatmap": "heatmap_v2",
    "funnel": "echarts_timeseries_bar",
}
COLOR_SCHEME: Final = "supersetColors"
_MOST_ROWS: Final = 10_000
_DATES: Final = {"day": "%Y-%m-%d", "month": "%Y-%m"}


def saved_chart(chart: Chart) -> dict[str, Any]:
    """A chart as a file of the bundle has it, without the version of the format."""
    form = {
        "viz_type": _TYPES[chart.kind],
        "adhoc_filters": _conditions(chart),
        "row_limit": _MOST_ROWS,
        "color_scheme": COLOR_SCHEME,
        **_drawn(chart),
    }
    return {
        "slice_name": chart.title,
        "viz_type": form["viz_type"],
        "params": form,
        "query_context": json.dumps(_query(chart, form)),
        "uuid": uuid_of("chart", chart.title),
        "dataset_uuid": uuid_of("dataset", chart.dataset.name),
    }


def _filters(chart: Chart) -> list[tuple[str, str, str, str | int | bool]]:
    """The filters: dimension, operator, its name in Superset, value."""
    equal = [(name, "==", "EQUALS", value) for name, value in chart.where.items()]
    return [*equal, *((name, ">=", "GREATER_THAN_OR_EQUAL", value) for name, value in chart.least.items())]


def _conditions(chart: Chart) -> list[dict[str, Any]]:
    return [
        {
            "expressionType": "SIMPLE",
            "clause": "WHERE",
            "subject": name,
            "operator": operator,
            "operatorId": operator_id,
            "comparator": value,
        }
        for name, operator, operator_id, value in _filters(chart)
    ]


def _column(chart: Chart, name: str) -> str | dict[str, str]:
    """A dimension as the form has it: as SQL where the values of the column are not those to be shown."""
    if name in chart.axis_in_days:
        return _sql("days", f"{name} / 86400::double precision")
    if (word := chart.nulls.get(name)) is not None:
        return _sql(name, f"coalesce({name}, '{word}')")
    return name


def _sql(label: str, expression: str) -> dict[str, str]:
    return {"label": worded(label), "sqlExpression": expression, "expressionType": "SQL"}


def _drawn(chart: Chart) -> dict[str, Any]:
    """The part of the form that only this kind of chart has."""
    metrics, by = list(chart.metrics), [_column(chart, name) for name in chart.by]
    shown = D3_FORMATS[chart.measured[0].format] or "SMART_NUMBER"
    dates = _DATES[chart.dates]
    match chart.kind:
        case "number":
            return {"metric": metrics[0], "y_axis_format": shown, "header_font_size": 0.4, "subheader_font_size": 0.15}
        case "lines" | "bars" | "stacked_bars":
            return {
                "x_axis": by[0],
                "time_grain_sqla": None,
                "metrics": metrics,
                "groupby": by[1:],
                "stack": "Stack" if chart.kind == "stacked_bars" else None,
                "y_axis_format": shown,
                "rich_tooltip": True,
                "show_legend": len(by) > 1 or len(metrics) > 1,
                "truncateYAxis": False,
                # A line of one point, as after the first publication, is seen by its marker alone.
                "markerEnabled": chart.kind == "lines",
                "markerSize": 4,
                "x_axis_sort_asc": True,
                "x_axis_time_format": dates,
            }
        case "table":
            return {
                "query_mode": "aggregate",
                "groupby": by,
                "metrics": metrics,
                "order_desc": True,
                "table_timestamp_format": dates,
            }
        case "heatmap":
            return {
                "x_axis": by[0],
                "groupby": by[1],
                "metric": metrics[0],
                "y_axis_format": shown,
                "x_axis_time_format": dates,
                "y_axis_time_format": dates,
                "value_bounds": [None, None],
                "sort_x_axis": "alpha_asc",
                "sort_y_axis": "alpha_desc",  # from the bottom up: the first stands at the top
                "normalize_across": "heatmap",
                "show_values": True,
                "show_legend": True,
                "linear_color_scheme": "superset_seq_1",
                "xscale_interval": -1,
                "yscale_interval": -1,
            }
        case "funnel":
            # Superset's own funnel writes labels over segments that are darker or narrower than they are.
            return {
                "x_axis": _sql("step", f"concat_ws('. ', {', '.join(chart.by)})"),
                "metrics": metrics,
                "groupby": [],
                "orientation": "horizontal",
                "x_axis_sort": metrics[0],
                "x_axis_sort_asc": True,
                "y_axis_format": shown,
                "show_value": True,
                "show_legend": False,
            }


def _query(chart: Chart, form: dict[str, Any]) -> dict[str, Any]:
    """The saved query of a chart, which its data endpoint runs when the request has none."""
    query = {
        "columns": list(chart.by),
        "metrics": list(chart.metrics),
        "filters": [{"col": name, "op": operator, "val": value} for name, operator, _, value in _filters(chart)],
        "row_limit": _MOST_ROWS,
        "orderby": [[name, True] for name in chart.by],
        "extras": {"having": "", "where": ""},
    }
    return {
        "datasource": {"id": 0, "type": "table"},
        "force": False,
        "queries": [query],
        "form_data": form,
        "result_format": "json",
        "result_type": "full",
    }
