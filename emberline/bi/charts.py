"""Charts as Superset saves them: the form that draws them, and the query that their data endpoint runs."""

from __future__ import annotations

import json
from typing import Any, Final

from emberline.bi.names import uuid_of
from schemas.dashboard import Chart, Kind
from schemas.metric import D3_FORMATS

_TYPES: Final[dict[Kind, str]] = {
    "number": "big_number_total",
    "lines": "echarts_timeseries_line",
    "bars": "echarts_timeseries_bar",
    "stacked_bars": "echarts_timeseries_bar",
    "table": "table",
    "heatmap": "heatmap_v2",
    "funnel": "funnel",
}
_MOST_ROWS: Final = 10_000
_DAY_FORMAT: Final = "%Y-%m-%d"


def saved_chart(chart: Chart) -> dict[str, Any]:
    """A chart as a file of the bundle has it, without the version of the format."""
    form = {
        "viz_type": _TYPES[chart.kind],
        "adhoc_filters": [_condition(name, value) for name, value in chart.where.items()],
        "row_limit": _MOST_ROWS,
        "color_scheme": "supersetColors",
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


def _condition(name: str, value: str | int | bool) -> dict[str, Any]:
    return {
        "expressionType": "SIMPLE",
        "clause": "WHERE",
        "subject": name,
        "operator": "==",
        "operatorId": "EQUALS",
        "comparator": value,
    }


def _drawn(chart: Chart) -> dict[str, Any]:
    """The part of the form that only this kind of chart has."""
    metrics, by = list(chart.metrics), list(chart.by)
    shown = D3_FORMATS[chart.measured[0].format] or "SMART_NUMBER"
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
                "x_axis_time_format": _DAY_FORMAT,
            }
        case "table":
            return {
                "query_mode": "aggregate",
                "groupby": by,
                "metrics": metrics,
                "order_desc": True,
                "table_timestamp_format": _DAY_FORMAT,
            }
        case "heatmap":
            return {
                "x_axis": by[0],
                "groupby": by[1],
                "metric": metrics[0],
                "y_axis_format": shown,
                "x_axis_time_format": _DAY_FORMAT,
                "y_axis_time_format": _DAY_FORMAT,
                "value_bounds": [None, None],
                "sort_x_axis": "alpha_asc",
                "sort_y_axis": "alpha_asc",
                "normalize_across": "heatmap",
                "show_values": True,
                "show_legend": True,
                "linear_color_scheme": "superset_seq_1",
                "xscale_interval": -1,
                "yscale_interval": -1,
            }
        case "funnel":
            return {
                "metric": metrics[0],
                "groupby": by,
                "sort_by_metric": True,
                "number_format": shown,
                "show_legend": False,
                "show_labels": True,
                "label_type": 5,
            }


def _query(chart: Chart, form: dict[str, Any]) -> dict[str, Any]:
    """The saved query of a chart, which its data endpoint runs when the request has none."""
    query = {
        "columns": list(chart.by),
        "metrics": list(chart.metrics),
        "filters": [{"col": name, "op": "==", "val": value} for name, value in chart.where.items()],
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
