"""The parts of the report on funnels, retention, lifecycle and sales."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from emberline.published import funnel_names, with_amounts
from emberline.report import plots
from emberline.report.amounts import currencies
from emberline.report.contents import Contents
from emberline.report.shares import percent
from emberline.report.words import Words
from pipelines.printable import printable_name

_DAY: Final = 86_400
_CURVE_ROWS: Final = 6
"""Points of a curve that its table shows a step, the last one among them."""

_LIFECYCLE: Final = ("active", "new", "returning", "resurrecting", "dormant")


def funnels(contents: Contents, words: Words) -> list[dict[str, Any]]:
    """Each funnel with its steps, its curves and its time to convert, the packaged one first."""
    return [_funnel(name, contents, words) for name in funnel_names(contents.funnels)]


def _funnel(name: str, contents: Contents, words: Words) -> dict[str, Any]:
    shown = pl.col("step").map_elements(printable_name, return_dtype=pl.String)
    steps = contents.funnels.filter(funnel=name).with_columns(step=shown)
    curves = contents.curves.filter(funnel=name).with_columns(step=shown)
    last = steps["step_number"].to_list()[-1]
    times = contents.times.filter(funnel=name, step_number=last)
    estimates = curves.group_by("step_number").agg(
        pl.col("conversion", "conversion_low", "conversion_high").sort_by("seconds").last()
    )
    rows = steps.join(estimates, on="step_number", how="left", maintain_order="left")
    title = printable_name(name)
    return {
        "name": title,
        "bars": plots.funnel_bars(steps, words, words("bars_label", name=title)),
        "steps": [{"name": row["step"], "cells": _step(row, words)} for row in rows.iter_rows(named=True)],
        "curve": plots.conversion_curves(curves, words, words("curve_label", name=title)) if curves.height else None,
        "curve_rows": _curve_rows(curves),
        "times": (
            plots.time_histogram(times, words, words("times_label", name=title, step=steps["step"][-1]))
            if times["reached"].sum()
            else None
        ),
        "times_rows": [
            (f"{start / _DAY:.1f}", f"{end / _DAY:.1f}", f"{reached:,}")
            for start, end, reached in times.select("from_seconds", "until_seconds", "reached").iter_rows()
        ],
    }


def _step(row: dict[str, Any], words: Words) -> tuple[str, ...]:
    interval = ""
    if row["conversion"] is not None:
        interval = percent(row["conversion"])
        if row["conversion_low"] is not None:
            interval += f" ({percent(row['conversion_low'])} … {percent(row['conversion_high'])})"
    return (
        f"{row['reached']:,}",
        percent(row["rate_step"]),
        percent(row["rate_overall"]),
        words.duration(row["median_seconds"]) if row["step_number"] > 1 else "",
        f"{row['reached_immature']:,}",
        interval,
    )


def _curve_rows(curves: pl.DataFrame) -> list[tuple[str, ...]]:
    """Some points of each step's curve, evenly spaced."""
    rows = []
    for (_,), points in curves.group_by("step_number", maintain_order=True):
        every = max(1, (points.height - 1) // (_CURVE_ROWS - 1))
        for row in points.filter(pl.int_range(pl.len()) % every == 0).iter_rows(named=True):
            shares = (row["conversion"], row["conversion_low"], row["conversion_high"])
            rows.append((row["step"], f"{row['seconds'] / _DAY:.0f}", *map(percent, shares)))
    return rows


def lifecycle(contents: Contents, words: Words) -> dict[str, Any]:
    """New, returning, resurrecting and dormant persons per week."""
    weeks = contents.lifecycle
    return {
        "lifecycle": plots.lifecycle_bars(weeks, words, words("lifecycle_label")) if weeks.height else None,
        "lifecycle_kinds": _LIFECYCLE,
        "lifecycle_rows": [
            (row["start"], *(f"{row[kind]:,}" for kind in _LIFECYCLE)) for row in weeks.iter_rows(named=True)
        ],
    }


def sales(contents: Contents, words: Words) -> dict[str, Any]:
    """What was sold by purpose and by platform; one part per currency, the one with most orders first."""
    frame = with_amounts(contents.segments, "paid", "refunded", "net")
    parts, shares = [], []
    for currency in currencies(frame):
        of_currency = frame.filter(currency=currency)
        for breakdown in ("purpose", "carrier"):
            rows = of_currency.filter(breakdown=breakdown)
            parts.append(_sales_part(rows, words(f"by_{breakdown}"), currency, words))
        shares.append(_share(of_currency.filter(breakdown="purpose"), currency, words))
    return {
        "model": (contents.model or "").replace("_", " "),
        "shares": shares,
        "sales": parts,
    }


def _share(segments: pl.DataFrame, currency: str, words: Words) -> str:
    """How much of the money of a currency is credited to groups."""
    whole = sum(segments["net_minor"])
    credited = sum(segments.filter(pl.col("segment") != "unattributed")["net_minor"])
    return words("sales_share", share=percent(float(credited / whole) if whole else 0.0), currency=currency)


def _sales_part(rows: pl.DataFrame, title: str, currency: str, words: Words) -> dict[str, Any]:
    names = [
        words("unattributed") if segment == "unattributed" else printable_name(segment) for segment in rows["segment"]
    ]
    named = rows.with_columns(
        segment=pl.Series(names, dtype=pl.String),
        amount=pl.col("net_minor").cast(pl.Float64) / pl.lit(10.0).pow(pl.col("minor_digits").fill_null(0)),
    )
    label = words("sales_label", currency=currency, by=title)
    return {
        "title": title,
        "currency": currency,
        "plot": plots.sales_bars(named.select("segment", "currency", net="amount"), label),
        "rows": [
            (row["segment"], f"{row['orders']:,}", f"{row['buyers']:,}", row["paid"], row["refunded"], row["net"])
            for row in named.iter_rows(named=True)
        ],
    }
