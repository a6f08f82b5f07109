"""`python -m benchmarks.growth`: what a run of 1,000 new events costs after histories of several sizes.

A synthetic history is written into a lake, and a first run of `pipeline_job` computes all facts and the warehouse from
scratch. Then 1,000 events of the last day arrive through Kafka, and a second run reads them. Each run has its own
process, so that its peak memory can be measured; a run without data comes first, so that imports and compilation are
not.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import dagster as dg
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.history import END, Company, company, write_history
from emberline.definitions import build_defs
from emberline.instance import dagster_instance
from emberline.services import Services
from emberline.settings import Settings
from schemas import kinds

_TOPIC: Final = "group.messages"
_SIZES: Final = (2_000_000, 10_000_000, 30_000_000)
_NEW: Final = 1_000
_QUIET: Final = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_APART: Final = ("publish", "group_risks")
_KINDS: Final = {
    kinds.MESSAGE_SENT: 0.8, kinds.REACTION_ADDED: 0.1, kinds.LINK_CLICKED: 0.05, kinds.ORDER_PAID: 0.05,
}  # fmt: skip
_DAY_S: Final = 86_400


@dataclass(frozen=True)
class Cost:
    """Wall-clock seconds of a run and, by name, of its steps; and the peak memory of its process, in bytes."""

    seconds: float
    steps: dict[str, float]
    memory: int


def run(state: str) -> Cost:
    """Run `pipeline_job` once in this process.

    Raises:
        dagster.DagsterError: The run failed.
    """
    services = Services(Settings(state=Path(state)))
    resources: dict[str, Any] = {
        "kafka": services.kafka(),
        "lake": services.lake(),
        "warehouse": services.warehouse(),
        "rules": services.rules(),
    }
    job = build_defs(resources).resolve_job_def("pipeline_job")
    with dagster_instance(services) as instance:
        began = time.perf_counter()
        result = job.execute_in_process(instance=instance, run_config=_QUIET)
        seconds = time.perf_counter() - began
        steps = _steps(result)
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(seconds, steps, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def _steps(result: dg.ExecuteInProcessResult) -> dict[str, float]:
    seconds: dict[str, float] = {}
    for event in result.all_events:
        if event.is_step_success and event.step_key:
            seconds[event.step_key] = event.step_success_data.duration_ms / 1000
    return seconds


def _warm(folder: str) -> None:
    """Run over a few events, so that everything is imported and compiled."""
    services = Services(Settings(state=Path(folder)))
    try:
        _send(services, company(2_000, days=40), 500)
        run(folder)
        run(folder)
    finally:
        services.stop()


def _warmed_run(state: str, warm: str) -> Cost:
    _warm(warm)
    return run(state)


def _alone(state: Path, warm: Path) -> Cost:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_warmed_run, str(state), str(warm)).result()


def _send(services: Services, world: Company, events: int, seed: int = 9) -> None:
    """Send events of members on the last day to Kafka."""
    kafka = services.kafka()
    kafka.create_topics([_TOPIC], 3)
    producer = kafka.producer()
    for event in _events(world, events, seed):
        producer.send(_TOPIC, key=event["subject"].encode(), value=json.dumps(event).encode())
    producer.close()


def _events(world: Company, events: int, seed: int) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(world.member), events)
    seconds = rng.integers(_DAY_S, size=events)
    drawn = rng.choice(list(_KINDS), events, p=list(_KINDS.values()))
    end = int(END.timestamp())
    for number, (at, second, kind) in enumerate(zip(chosen, seconds, drawn, strict=True)):
        person, group = int(world.member[at]), int(world.group[at])
        is_sale = kind == kinds.ORDER_PAID
        shop = is_sale and bool(world.linked[person])
        data = {"member_id": f"simulated:{'shop' if shop else 'chat'}-{person}", "message_id": f"new-{number}"}
        order = {"order_id": f"{person}-{number % 4}", "total_minor": 100 + number, "currency": "CNY"}
        yield {
            "specversion": "1.0",
            "id": f"new-{number}",
            "source": "shop" if is_sale else f"bridge/{group % 5}",
            "type": str(kind),
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end - _DAY_S + int(second))),
            "subject": f"carrier{group % 5}:{group}",
            "data": data | (order if is_sale else {}),
        }


def measure(size: int, folder: Path, say: Console) -> tuple[int, Cost, Cost]:
    """Return the cost of the first run over a history and of the next run, and the number of events of the history."""
    state = folder / "state"
    services = Services(Settings(state=state))
    try:
        world = company(size, pseudonym=services.rules().decoding.pseudonyms.of)
        written = write_history(services.lake(), world, size)
        services.kafka().create_topics(list(services.settings.kafka.topics), 3)
        say.print(f"{written:,} events of {world.persons:,} persons in {world.groups:,} groups are in the lake")
        scratch = _alone(state, folder / "warm-1")
        say.print(f"facts and warehouse from scratch: {scratch.seconds:.1f} s, {scratch.memory / 1e9:.1f} GB")
        _send(services, world, _NEW)
        later = _alone(state, folder / "warm-2")
        say.print(f"{_NEW:,} new events: {later.seconds:.1f} s, {later.memory / 1e9:.1f} GB")
        say.print({name: round(seconds, 2) for name, seconds in sorted(later.steps.items(), key=lambda s: -s[1])})
    finally:
        services.stop()
    return written, scratch, later


def main() -> None:
    """Measure in temporary folders."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=_SIZES, help="events before (default: 2, 10 and 30 M)")
    options = parser.parse_args()
    console = Console(width=200, highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0))
    headings = ("history", "whole run", *_APART, "others, each at most", "from scratch", "peak", "peak from scratch")
    for heading in headings:
        table.add_column(heading, justify="right")
    for size in options.sizes:
        with tempfile.TemporaryDirectory(prefix="emberline-growth-") as folder:
            written, scratch, later = measure(size, Path(folder), console)
        others = [seconds for name, seconds in later.steps.items() if name not in _APART]
        table.add_row(
            f"{written:,}",
            f"{later.seconds:.1f} s",
            *(f"{later.steps.get(name, 0):.1f}" for name in _APART),
            f"{max(others):.1f}",
            f"{scratch.seconds:.0f} s",
            *(f"{cost.memory / 1e9:.1f} GB" for cost in (later, scratch)),
        )
    console.print(table)


if __name__ == "__main__":
    main()
