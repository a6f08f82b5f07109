"""The first part of the report: how far its figures can be trusted, and the groups that need attention."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from emberline.published import STATE_ORDER
from emberline.report.amounts import sold
from emberline.report.contents import WEEKS, Contents
from emberline.report.drawing import sparkline
from emberline.report.words import Words
from pipelines.groups.coverage import FULL, UNTOLD
from pipelines.groups.risk.box import Line
from pipelines.ingest.short import Missing
from pipelines.printable import printable, printable_name

DETAILED: Final = 100
"""Groups that have a part of their own: more would make a page that opens slowly."""

_SHOWN: Final = 5


def health(contents: Contents, words: Words) -> list[dict[str, Any]]:
    """Return one row per question on the figures: are they fresh, complete, stable, monitored and real?"""
    through, groups = contents.through, contents.groups
    unmeasured = groups.filter(pl.col("unmeasured_since").is_not_null()).height
    partly = groups.filter(pl.col("coverage") != FULL).height  # null, which is not known, counts as neither
    leaves_untold = groups.filter(pl.col("membership").is_in(list(UNTOLD))).height
    restated = int(contents.restated["figures"].sum())
    open_alerts = contents.alerts.filter(~pl.col("is_of_group"), pl.col("resolved_at").is_null())
    age = None if through is None else (contents.made_at.date() - through).days
    complete = (
        words("complete_not", n=unmeasured, all=groups.height) if unmeasured else words("complete_is", n=groups.height)
    )
    return [
        _item(
            words("fresh"),
            words("fresh_not") if age is None else words("fresh_is", day=through, n=age),
            is_bad=age is None or age > 2,
        ),
        _item(
            words("complete"),
            complete,
            [words(key, n=n) for key, n in (("partly", partly), ("leaves_untold", leaves_untold)) if n],
            is_bad=unmeasured + partly > 0,
        ),
        _item(
            words("arrived"),
            *_arrived(contents.missing, words),
            is_bad=contents.missing.numbers.height + contents.missing.messages.height > 0,
        ),
        _item(
            words("stable"), words("stable_not", n=restated) if restated else words("stable_is"), is_bad=restated > 0
        ),
        _item(
            words("pipeline"),
            words("pipeline_not", n=open_alerts.height) if open_alerts.height else words("pipeline_is"),
            [
                f"{printable_name(alert['subject'])}: {printable(words.sentence(alert['reason']))}"
                for alert in open_alerts.head(_SHOWN).iter_rows(named=True)
            ],
            is_bad=open_alerts.height > 0,
        ),
        _item(
            words("origin"),
            words("simulated") if contents.publication["is_synthetic"] else words("origin_real"),
            is_bad=contents.publication["is_synthetic"],
        ),
    ]


def _arrived(missing: Missing, words: Words) -> tuple[str, list[str]]:
    """Say what did not arrive, in general and by sequence and owner."""
    said = [
        words(key, n=found.height)
        for key, found in (("arrived_not", missing.numbers), ("short_not", missing.messages))
        if found.height
    ]
    more = [_missing(one, words) for one in missing.numbers.head(_SHOWN).iter_rows(named=True)]
    more += [_short(one, words) for one in missing.messages.head(_SHOWN).iter_rows(named=True)]
    if missing.not_comparable:
        more.append(words("not_comparable", n=missing.not_comparable))
    return " ".join(said) or words("arrived_is"), more


def _short(one: dict[str, Any], words: Words) -> str:
    return words(
        "short",
        n=one["messages"],
        owner=one["owner_id"],
        groups=len(one["group_ids"]),
        days=one["n_days"],
        first=words.moment(one["after"]),
        last=words.moment(one["before"]),
    )


def _missing(one: dict[str, Any], words: Words) -> str:
    return words(
        "missing",
        n=one["numbers"],
        sequence=printable_name(one["sequence"]),
        first=words.moment(one["after"]),
        last=words.moment(one["before"]),
    )


def _item(name: str, text: str, more: list[str] | None = None, *, is_bad: bool) -> dict[str, Any]:
    return {"name": name, "text": text, "more": more or [], "is_bad": is_bad}


def counts(contents: Contents) -> list[dict[str, Any]]:
    """How many groups are in each state, in `STATE_ORDER`."""
    found = contents.groups.group_by("state").agg(groups=pl.len())
    return pl.DataFrame({"state": STATE_ORDER}).join(found, on="state", maintain_order="left").to_dicts()


def board(contents: Contents, words: Words) -> list[dict[str, Any]]:
    """One row per group, in the order of `groups_frame`."""
    speakers = by_week(contents.weeks, "speakers")
    places = {row["state"]: place for place, row in enumerate(counts(contents))}
    of_group = sold(contents)
    rows = []
    for group in contents.groups.iter_rows(named=True):
        values = speakers.get(group["group_id"], [0] * WEEKS)
        texts, order = of_group.get(group["group_id"], ([], 0))
        risk = group["risk_28"]
        rows.append(
            {
                "number": group["number"],
                "has_details": group["number"] <= DETAILED,
                "name": name_of(group),
                "purpose": printable_name(group["purpose"] or ""),
                "state": group["state"],
                "place": places[group["state"]],
                "since": group["since"],
                "risk": risk,
                "risk_shown": "" if risk is None else f"{risk:.0%}",
                "spark": sparkline(values, words("trend_label", values=" ".join(map(str, values)))),
                "sold": texts,
                "sold_order": order,
                "why": why(group, words),
            }
        )
    return rows


def lines(contents: Contents, words: Words) -> dict[str, Any] | None:
    """How useful past alerts would have been at each alert threshold of the risk; None if that is not known."""
    if contents.lines is None:
        return None
    known, in_use = contents.lines.known, contents.lines.in_use
    return {
        "note": words("lines_own" if known.is_own else "lines_box"),
        "in_use": words("lines_none") if in_use is None else words("lines_use", risk=f"{in_use:.1%}"),
        "rows": [(line.risk == in_use, _cells(line)) for line in known.shown(in_use)],
    }


def _cells(line: Line) -> tuple[str, ...]:
    lead = "" if line.lead_days is None else f"{line.lead_days:.0f}"
    shares = (line.right / line.alerts, line.foretold / line.deaths, line.early / line.deaths)
    return (
        f"{line.risk:.1%}",
        f"{line.alerts:,.0f}",
        *(f"{share:.0%}" for share in shares),
        lead,
        f"{line.weekly:.1f}",
    )


def name_of(group: dict[str, Any]) -> str:
    """The name of a group, or its id if the name is blank."""
    return printable_name((group["name"] or "").strip() or group["group_id"])


def why(group: dict[str, Any], words: Words) -> str:
    """The reason of a group's state, since when it is not measured, and how much of it is covered if not all."""
    parts = [words.sentence(group["reason"])]
    if group["unmeasured_since"] is not None:
        parts.append(words("unmeasured", day=group["unmeasured_since"]))
    if group["coverage"] not in {None, FULL}:
        parts.append(words.name_of("coverage", group["coverage"]))
    return printable(words("between").join(parts))


def by_week(weeks: pl.DataFrame, column: str) -> dict[str, list[int]]:
    """Return the values of a column by group: one per week, 0 for a week without a value."""
    found: dict[str, list[int]] = {}
    for group_id, week, value in weeks.select("group_id", "week", column).iter_rows():
        found.setdefault(group_id, [0] * WEEKS)[week] += int(value or 0)
    return found
