"""The tables at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.table import Table

from tests.chaos.session import Result


def tables(result: Result) -> Iterator[Table]:
    """Faults by kind with the time to recover, then records, runs and latency."""
    yield _faults(result)
    yield _summary(result)


def _faults(result: Result) -> Table:
    table = _empty("Faults", "Fault", "Times", "Nothing to hit", "Longest until a run succeeded")
    hits = Counter(incident.fault for incident in result.incidents if incident.detail)
    misses = Counter(incident.fault for incident in result.incidents if not incident.detail)
    for fault in sorted(hits | misses):
        recovered = [result.runs.recovered_after(i) for i in result.incidents if i.fault == fault and i.detail]
        longest = max((seconds for seconds in recovered if seconds is not None), default=None)
        table.add_row(fault, str(hits[fault]), str(misses[fault]), "-" if longest is None else f"{longest:.0f} s")
    return table


def _summary(result: Result) -> Table:
    counted, runs, latency = result.counted, result.runs, result.latency
    table = _empty("Result", "", "")
    for name, value in (
        ("records sent", f"{counted.sent:,}"),
        ("acknowledged", f"{counted.acknowledged:,}"),
        ("never acknowledged, and in Kafka", f"{counted.uncertain_kept:,}"),
        ("lost", f"{counted.lost + counted.unkept:,}"),
        ("doubled", f"{counted.doubled + counted.invented:,}"),
        ("runs", f"{len(runs.records):,}"),
        ("runs failed", f"{runs.failed:,}"),
        ("restarts of the daemon", f"{result.restarts:,}"),
        ("current again after the last fault", f"{result.came_back_after:.0f} s"),
        ("event to mart, p50", f"{latency.quantile(0.5) or 0:.0f} s"),
        ("event to mart, p95", f"{latency.quantile(0.95) or 0:.0f} s"),
    ):
        table.add_row(name, value)
    for cause, times in runs.causes.most_common():
        table.add_row("failed because", f"{times} x {cause}")
    return table


def _empty(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), show_header=any(headings))
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number and any(headings) else "left")
    return table
