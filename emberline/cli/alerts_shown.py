"""Print alerts, what people did with them, and how good the rules have been."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import TYPE_CHECKING

from emberline.cli.output import print_table

if TYPE_CHECKING:
    import polars as pl

    from pipelines.alerts.ledger import Entry

_SHARES = ("precision", "useful_share")


def entry_as_dict(entry: Entry, now: dt.datetime) -> dict[str, object]:
    """Give all that is known of an alert, for JSON."""
    alert = entry.alert
    fields = {name: value for name, value in asdict(alert).items() if name != "known"}
    outcome = {"outcome": entry.outcome, "outcome_day": entry.outcome_day, "verdict": entry.verdict}
    done = {"actions": [asdict(action) for action in entry.actions]}
    state = {"alert_id": entry.alert_id, "alert_state": alert.state(now)}
    return {**state, **fields, **asdict(alert.known), **outcome, **done}


def print_entries(title: str, entries: tuple[Entry, ...], now: dt.datetime) -> None:
    """Print one line per alert."""
    headings = ("No.", "Severity", "State", "Rule", "Of", "Since", "Why", "Became of it")
    print_table(title, _shown(entries, now), headings, sentences=("Why",))


def _shown(entries: tuple[Entry, ...], now: dt.datetime) -> pl.DataFrame:
    import polars as pl

    rows = [
        (
            str(entry.alert_id),
            entry.alert.severity,
            entry.alert.state(now),
            entry.alert.rule,
            entry.alert.known.name or entry.alert.subject,
            entry.alert.known.since.isoformat(),
            entry.alert.known.reason,
            "" if entry.outcome is None else f"{entry.outcome} {entry.outcome_day}",
        )
        for entry in entries
    ]
    columns = ("number", "severity", "state", "rule", "subject", "since", "reason", "outcome")
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")


def print_actions(entries: tuple[Entry, ...], zone: dt.tzinfo) -> None:
    """Print a line for each time somebody did something with one of these alerts."""
    import polars as pl

    def clock(at: dt.datetime) -> str:
        return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"

    rows = [
        (
            str(entry.alert_id),
            clock(action.acted_at),
            action.actor,
            f"{action.action} until {clock(action.until)}" if action.until else action.action,
            action.note or "",
        )
        for entry in entries
        for action in entry.actions
    ]
    shown = pl.DataFrame(
        rows, schema=dict.fromkeys(("number", "at", "actor", "action", "note"), pl.String), orient="row"
    )
    print_table("What people did", shown, ("No.", "At", "Who", "What", "Note"), sentences=("Note",))


def print_record(record: pl.DataFrame) -> None:
    """Print `pipelines.alerts.outcomes.RECORD`."""
    import polars as pl

    shown = record.with_columns(
        *(pl.format("{} %", (100 * pl.col(name)).round().cast(pl.Int64)).alias(name) for name in _SHARES),
        pl.format("{} days", pl.col("median_lead_days")),
    )
    headings = (
        "Rule", "Fired", "Died", "Recovered", "Ended", "Not known yet", "Precision", "Median lead", "Useful", "Noise",
        "Of these useful",
    )  # fmt: skip
    print_table("How good the rules have been", shown, headings, right=headings[1:])
