"""Plots of the report as SVG, made by Altair and vl-convert; colours are the page's own variables."""

from __future__ import annotations

import io
import re
import zlib
from typing import Any, Final

import altair as alt
import polars as pl
from markupsafe import Markup

from emberline.report.words import Words

_WIDTH: Final = 620
_SECONDS_A_DAY: Final = 86_400
_STEP_COLOURS: Final = tuple(f"var(--series-{number})" for number in range(1, 9))
_LIFECYCLE: Final = {
    "returning": "var(--series-1)",
    "new": "var(--series-3)",
    "resurrecting": "var(--series-2)",
    "dormant": "var(--series-4)",
}


def funnel_bars(steps: pl.DataFrame, words: Words, label: str) -> Markup:
    """Draw how many entries reached each step: `step_number`, `step`, `reached`, `rate_overall`."""
    data = steps.select("step_number", "step", "reached", "rate_overall")
    order = data["step"].to_list()
    base = alt.Chart(data).encode(
        y=alt.Y("step:N", sort=order, title=None),
        x=alt.X("reached:Q", title=words("entries"), axis=alt.Axis(tickMinStep=1)),
    )
    bars = base.mark_bar(color="var(--series-1)", cornerRadius=2)
    texts = base.mark_text(align="left", dx=4, color="var(--ink)").encode(text=alt.Text("rate_overall:Q", format=".1%"))
    return _svg((bars + texts).properties(width=_WIDTH, height=alt.Step(26)), label)


def conversion_curves(curves: pl.DataFrame, words: Words, label: str) -> Markup:
    """Draw `conversion` with its interval by `seconds` since the entry, one line per step."""
    data = curves.select(
        "step", "step_number", "conversion", "conversion_low", "conversion_high", day=pl.col("seconds") / _SECONDS_A_DAY
    )
    order = data.sort("step_number")["step"].unique(maintain_order=True).to_list()
    colour = alt.Color(
        "step:N",
        sort=order,
        title=words("step"),
        legend=alt.Legend(symbolOpacity=1, symbolType="stroke", symbolStrokeWidth=3),
        scale=alt.Scale(domain=order, range=[_STEP_COLOURS[n % len(_STEP_COLOURS)] for n in range(len(order))]),
    )
    base = alt.Chart(data).encode(x=alt.X("day:Q", title=words("days_since")), color=colour)
    share = alt.Axis(format="%")
    band = base.mark_area(opacity=0.16, interpolate="step-after").encode(
        y=alt.Y("conversion_low:Q", title=words("share"), axis=share), y2="conversion_high:Q"
    )
    line = base.mark_line(interpolate="step-after", strokeWidth=2).encode(
        y=alt.Y("conversion:Q", title=words("share"), axis=share)
    )
    return _svg((band + line).properties(width=_WIDTH, height=240), label)


def time_histogram(times: pl.DataFrame, words: Words, label: str) -> Markup:
    """Draw a histogram of the time to one step: `from_seconds`, `until_seconds`, `reached` (entries)."""
    data = times.select(
        "reached", start=pl.col("from_seconds") / _SECONDS_A_DAY, end=pl.col("until_seconds") / _SECONDS_A_DAY
    )
    chart = (
        alt.Chart(data)
        .mark_bar(color="var(--series-2)")
        .encode(
            x=alt.X("start:Q", bin=alt.Bin(binned=True), title=words("days_since")),
            x2="end:Q",
            y=alt.Y("reached:Q", title=words("entries"), axis=alt.Axis(tickMinStep=1)),
        )
    )
    return _svg(chart.properties(width=_WIDTH, height=140), label)


def lifecycle_bars(weeks: pl.DataFrame, words: Words, label: str) -> Markup:
    """Draw the new, returning and resurrecting persons of each week, and the dormant ones below the axis."""
    data = (
        weeks.select("start", "returning", "new", "resurrecting", dormant=-pl.col("dormant"))
        .unpivot(index="start", variable_name="kind", value_name="persons")
        .with_columns(
            kind=pl.col("kind").replace_strict({kind: words(f"lifecycle_{kind}") for kind in _LIFECYCLE}),
            start=pl.col("start").cast(pl.String),
        )
    )
    order = [words(f"lifecycle_{kind}") for kind in _LIFECYCLE]
    month_and_day = alt.Axis(labelAngle=-45, labelOverlap=True, labelExpr="slice(datum.label, 5)")
    chart = (
        alt.Chart(data)
        .mark_bar()
        .encode(
            x=alt.X("start:O", title=words("week"), axis=month_and_day),
            y=alt.Y("persons:Q", title=words("persons")),
            color=alt.Color(
                "kind:N", sort=order, title=None, scale=alt.Scale(domain=order, range=list(_LIFECYCLE.values()))
            ),
        )
    )
    return _svg(chart.properties(width=_WIDTH, height=240), label)


def sales_bars(segments: pl.DataFrame, label: str) -> Markup:
    """Draw net sales of one currency by segment: `segment`, `net` in units of the currency `currency`."""
    order = segments["segment"].to_list()
    chart = (
        alt.Chart(segments)
        .mark_bar(color="var(--series-3)", cornerRadius=2)
        .encode(
            y=alt.Y("segment:N", sort=order, title=None),
            x=alt.X("net:Q", title=segments["currency"][0], axis=alt.Axis(format="~s")),
        )
    )
    return _svg(chart.properties(width=_WIDTH, height=alt.Step(24)), label)


def _svg(chart: Any, label: str) -> Markup:
    """Render a chart as one picture with a label."""
    quiet = {
        "labelColor": "var(--muted)",
        "titleColor": "var(--muted)",
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "titleFontWeight": "normal",
        "labelLimit": 220,
    }
    # Browsers have other fonts than the renderer measures with: some room for wider letters.
    shown = chart.properties(padding={"left": 30, "right": 12, "top": 4, "bottom": 4})
    shown = shown.configure(background="transparent", font="system-ui, sans-serif")
    shown = shown.configure_axis(**quiet).configure_view(stroke=None)
    shown = shown.configure_legend(labelColor="var(--ink)", titleColor="var(--muted)", titleFontWeight="normal")
    written = io.StringIO()
    shown.save(written, format="svg")
    # Each picture names its parts from 0, and a page has many pictures.
    own = f"p{zlib.crc32(label.encode()):x}-"
    svg = re.sub(r'(id="|url\(#)', rf"\1{own}", written.getvalue())
    head, rest = svg.split(">", 1)
    # One picture, not a graphic of a hundred marks: the table beside it has the numbers.
    head = head.replace(' class="marks"', "")
    # Vega has escaped what is data in it.
    return Markup('{} role="img" aria-label="{}" class="plot">{}').format(Markup(head), label, Markup(rest))  # noqa: S704
