"""The part of one group: its weeks, its life, what was done for it, what it sold and which alerts were raised."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from emberline.published import with_amounts
from emberline.report.board import DETAILED, by_week, name_of, why
from emberline.report.contents import WEEKS, Contents
from emberline.report.drawing import timeline
from emberline.report.followed import followed_in_groups_like
from emberline.report.words import Words
from pipelines.groups.coverage import UNTOLD
from pipelines.printable import printable

_COUNTED = ("speakers", "messages", "operator_messages", "joined", "left")


def details(contents: Contents, words: Words) -> list[dict[str, Any]]:
    """The details of the first groups of the board."""
    through = contents.through or contents.made_at.date()
    starts = [through - dt.timedelta(days=7 * (WEEKS - week) - 1) for week in range(WEEKS)]
    weeks = {name: by_week(contents.weeks, name) for name in _COUNTED}
    weeks["orders"] = by_week(contents.sales_weeks, "orders")
    states = contents.states.partition_by("group_id", as_dict=True)
    sales = with_amounts(contents.sales, "paid", "refunded", "net").partition_by("group_id", as_dict=True)
    alerts = contents.alerts.filter("is_of_group").partition_by("subject", as_dict=True)
    contacts = contents.contacts.partition_by("group_id", as_dict=True)
    done = contents.done.partition_by("group_id", as_dict=True)
    parts = []
    for group in contents.groups.head(DETAILED).iter_rows(named=True):
        key = (group["group_id"],)
        of_week = {name: by_group.get(group["group_id"], [0] * WEEKS) for name, by_group in weeks.items()}
        untold = dict.fromkeys(UNTOLD.get(group["membership"], ()), words("untold"))
        spells = _rows(states.get(key))
        raised = _rows(alerts.get(key))
        parts.append(
            {
                "number": group["number"],
                "name": name_of(group),
                "state": group["state"],
                "facts": _facts(group, words),
                "why": why(group, words),
                "difference": printable(words.sentence(group["difference"])),
                "drivers": printable(words.sentence(group["drivers"])),
                "timeline": timeline(
                    of_week,
                    _bands(spells, starts[0], through),
                    [place for alert in raised if (place := _place(alert["since"], starts[0])) >= 0],
                    [str(start) for start in starts],
                    words("timeline_label", name=name_of(group)),
                    (words("speakers"), words("members_move"), words("orders")),
                ),
                "weeks": [
                    (start, *(untold.get(name, of_week[name][week]) for name in (*_COUNTED, "orders")))
                    for week, start in enumerate(starts)
                ],
                "life": [_spell(spell, words) for spell in spells],
                "contacts": [
                    (row["person_id"], printable(words.sentence(row["why"]))) for row in _rows(contacts.get(key))
                ],
                "done": [_done(row, words) for row in _rows(done.get(key))],
                "followed": followed_in_groups_like(group, contents, words),
                "sales": [_sale(row, words) for row in _rows(sales.get(key))],
                "alerts": [_alert(alert, words) for alert in raised],
            }
        )
    return parts


def _rows(frame: pl.DataFrame | None) -> list[dict[str, Any]]:
    return [] if frame is None else frame.to_dicts()


def _facts(group: dict[str, Any], words: Words) -> list[str]:
    known = [
        printable(group["group_id"]),
        printable(group["carrier"]),
        printable(group["purpose"] or f"{words('purpose')}: {words('unknown')}"),
        f"{words('operators')}: {words('unknown') if group['operators'] is None else group['operators']}",
    ]
    if group["membership"] in UNTOLD:
        known.append(words.name_of("membership", group["membership"]))
    if group["born_at"] is not None:
        known.append(f"{words('born')} {group['born_at']:%Y-%m-%d}")
    if group["risk_28"] is not None:
        in_words = printable(words.sentence(group["risk_rests_on"] or ""))
        known.append(f"{words('risk')}: {group['risk_28']:.0%}{words('between') if in_words else ''}{in_words}")
    return known


def _place(day: dt.date, first: dt.date) -> float:
    """Position of a day on the axis of weeks: 0 at the start of the first one."""
    return (day - first).days / 7


def _bands(spells: list[dict[str, Any]], first: dt.date, through: dt.date) -> list[tuple[float, float, str]]:
    end = through + dt.timedelta(days=1)
    spans = ((max(spell["since"], first), min(spell["until"] or end, end), spell["state"]) for spell in spells)
    return [(_place(since, first), _place(until, first), state) for since, until, state in spans if since < until]


def _spell(spell: dict[str, Any], words: Words) -> dict[str, Any]:
    return {
        "state": spell["state"],
        "since": spell["since"],
        "until": spell["until"] or words("now"),
        "reason": printable(words.sentence(spell["reason"])),
    }


def _done(row: dict[str, Any], words: Words) -> str:
    action = words.name_of("action", row["action"])
    known = words(f"as_{row['origin']}", action=action)
    return f"{row['day']}: {known}" + (f"{words('between')}{printable(row['note'])}" if row["note"] else "")


def _sale(row: dict[str, Any], words: Words) -> str:
    return words(
        "sale", orders=row["orders"], buyers=row["buyers"], paid=row["paid"], refunded=row["refunded"], net=row["net"],
        currency=row["currency"],
    )  # fmt: skip


def _alert(alert: dict[str, Any], words: Words) -> str:
    end = alert["resolved_at"]
    parts = [
        f"{words.moment(alert['opened_at'])}: {words.name_of('rule', alert['rule'])}",
        printable(words.sentence(alert["reason"])),
        words("alert_open") if end is None else words("alert_ended", at=words.moment(end)),
    ]
    if alert["acknowledged_by"]:
        parts.append(words("alert_taken", by=printable(alert["acknowledged_by"])))
    if alert["outcome"]:
        parts.append(words.name_of("outcome", alert["outcome"]))
    if alert["verdict"]:
        parts.append(words.name_of("verdict", alert["verdict"]))
    if alert["notes"]:
        parts.append(printable(alert["notes"]))
    return words("between").join(parts)
