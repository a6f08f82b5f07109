"""`python -m benchmarks.late`: what late events cost, beside a full rebuild of every fact.

The lake has a synthetic history and its facts. Then events of some of the persons arrive that happened 1 to 40 days
before. All assets that follow `events` are refreshed, and also computed from scratch in a lake with the same events and
no facts; the tables must be equal. Each of the two runs in its own process, so that its peak memory can be measured.
"""

from __future__ import annotations

import argparse
import inspect
import multiprocessing
import resource
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numba
from rich.console import Console
from rich.table import Table

from assets import engagement, funnel, groups, ingest, sales
from assets.resources import Rules
from benchmarks.history import company, write_history, write_late
from emberline.services import Services
from emberline.settings import Settings
from pipelines.lake import Lake
from schemas.errors import EmberlineError
from schemas.lake import EVENTS, IDENTITY, TABLES, TOUCHED

_FACTS: Final = {
    "identity": ingest.persons,
    "person_day": engagement.person_day,
    "group_day": groups.group_day,
    "first_seen": engagement.first_seen,
    "retention": engagement.retention,
    "lifecycle": engagement.lifecycle,
    "member_state": engagement.member_state,
    "funnel_entry": funnel.funnel_entry,
    "order_credit": sales.order_credit,
    "order_refund": sales.orders,
    "person_value": sales.person_value,
    "group": groups.group,
    "segment_activity": engagement.segments,
    "feed_day": groups.feed_day,
    "group_health": groups.group_life,
    "group_state": groups.group_life,
}
"""The assets below `events`, in the order of their dependencies; the name is that of the lake table.

Some compute others as well, which then have nothing left to do.
"""


class Differs(EmberlineError):
    """A refreshed fact differs from one computed from scratch."""


@dataclass(frozen=True)
class Cost:
    """Wall-clock and CPU seconds by fact, and the peak memory of the process, bytes."""

    wall: dict[str, float]
    cpu: dict[str, float]
    memory: int


def refresh(uri: str, state: str, facts: Sequence[str]) -> Cost:
    """Refresh facts of a lake.

    What costs the same either way is not measured: Dagster's work around an asset, and the second in which numba is
    loaded.
    """
    numba.njit(_nothing)()
    given = {"lake": Lake(uri), "rules": _rules(state)}
    wall, cpu = {}, {}
    for name in facts:
        compute = _FACTS[name].op.compute_fn.decorated_fn  # pyright: ignore[reportFunctionMemberAccess]
        resources = {one: given[one] for one in inspect.signature(compute).parameters}
        began, began_cpu = time.perf_counter(), time.process_time()
        result = compute(**resources)
        if isinstance(result, Iterator):
            deque(result, maxlen=0)
        wall[name], cpu[name] = time.perf_counter() - began, time.process_time() - began_cpu
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def _nothing() -> None:
    pass


def measure(
    folder: Path,
    facts: Sequence[str],
    write: Callable[[Lake], str],
    arrive: Callable[[Lake], str],
    say: Callable[[str], None],
) -> tuple[Cost, Cost]:
    """Return the cost of refreshing facts when late events arrive, and of computing them from scratch.

    Args:
        folder: An empty folder for the two lakes.
        facts: The facts, in the order of their dependencies.
        write: Writes the history into a lake, and reports it.
        arrive: Writes late events into it, and reports it.
        say: Receives reports of progress.

    Raises:
        Differs: The tables differ.
    """
    lake, anew = Lake(str(folder / "lake")), Lake(str(folder / "anew"))
    state = str(folder / "state")
    say(write(lake))
    before = _alone(refresh, lake.uri, state, facts)
    say(f"the facts are computed: {sum(before.wall.values()):.1f} s")
    say(arrive(lake))
    incremental = _alone(refresh, lake.uri, state, facts)
    say(f"refreshed: {sum(incremental.wall.values()):.1f} s")
    _share_events(lake, anew)
    full = _alone(refresh, anew.uri, state, facts)
    say(f"computed from nothing: {sum(full.wall.values()):.1f} s")
    for name in facts:
        _assert_equal(lake, anew, name)
    say("the tables of both are equal")
    return incremental, full


def _alone(task: Callable[..., Cost], *arguments: str | Sequence[str]) -> Cost:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(task, *arguments).result()


def _rules(state: str) -> Rules:
    return Services(Settings(state=Path(state))).rules()


def _share_events(lake: Lake, anew: Lake) -> None:
    """Give a lake without facts the events of another lake, as the same files."""
    Path(anew.uri).mkdir()
    for table in (EVENTS, TOUCHED):
        Path(anew.table_uri(table)).symlink_to(lake.table_uri(table), target_is_directory=True)


def _assert_equal(lake: Lake, anew: Lake, name: str) -> None:
    table = TABLES[name]
    # Which batch was the newest when a person changed depends on when identity was refreshed.
    columns = [column for column in table.columns if not (table is IDENTITY and column == "batch")]
    found, expected = (
        place.open(table).scan().select(columns).sort(table.key).collect(engine="streaming") for place in (lake, anew)
    )
    if expected.is_empty() or not found.equals(expected, null_equal=True):
        raise Differs(
            f"{name} is empty, or not what its computation from nothing gives.", "This is a defect: report it."
        )


def report(console: Console, incremental: Cost, full: Cost, arrived: str) -> None:
    """Print both costs of each fact."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in (
        "Fact",
        f"{arrived}, s",
        "From nothing, s",
        "Share",
        f"{arrived}, CPU s",
        "From nothing, CPU s",
        "Share",
    ):
        table.add_column(heading, justify="left" if heading == "Fact" else "right")
    for name in (*full.wall, "all"):
        cells = []
        for some, whole in ((incremental.wall, full.wall), (incremental.cpu, full.cpu)):
            ours, theirs = (sum(c.values()) if name == "all" else c[name] for c in (some, whole))
            cells += [f"{ours:.2f}", f"{theirs:.2f}", f"{ours / theirs:.1%}"]
        table.add_row(name, *cells)
    console.print(table)
    memory = f"{incremental.memory / 1e9:.1f} GB {arrived.lower()}, {full.memory / 1e9:.1f} GB from nothing"
    console.print(f"Most memory: {memory}")


def main() -> None:
    """Measure in a temporary folder."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.late", description="Late events, and everything anew.")
    parser.add_argument("--history", type=int, default=20_000_000, help="events before (default: 20000000)")
    parser.add_argument("--late", type=int, default=1_000_000, help="events that come late (default: 1000000)")
    parser.add_argument("--share", type=float, default=0.02, help="of the persons, those they are of (default: 0.02)")
    options = parser.parse_args()
    console, world = Console(), company(options.history)

    def write(lake: Lake) -> str:
        written = write_history(lake, world, options.history)
        return f"{written:,} events of {world.persons:,} persons in {world.groups:,} groups are in the lake"

    def arrive(lake: Lake) -> str:
        added, persons = write_late(lake, world, options.late, options.share)
        return f"{added:,} events of {persons:,} persons arrive late"

    with tempfile.TemporaryDirectory(prefix="emberline-late-") as folder:
        costs = measure(Path(folder), list(_FACTS), write, arrive, lambda line: console.print(f"[dim]{line}[/dim]"))
    report(console, *costs, "Late")


if __name__ == "__main__":
    main()
