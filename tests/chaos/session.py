"""One session: start, break, let it come back, judge."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import polars as pl

from benchmarks.live import latencies
from schemas.warehouse import publication
from tests.chaos.faults import FAULTS, Incident, in_random_order, inject
from tests.chaos.health import Runs, runs, silent_sensors, wait_until_current
from tests.chaos.judgement import Counted, count, differences_from_fresh, faults_of
from tests.chaos.load import Load
from tests.chaos.stack import Stack

_COMES_BACK_WITHIN_S: Final = 1200.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """How long, how much, which chance. `gap`: seconds between faults, from and to; no `faults`: all of them.

    It takes longer where there were fewer than `at_least` faults by then: on a busy machine one may take a minute.
    """

    minutes: float
    rate: int
    seed: int
    gap: tuple[float, float] = (20, 60)
    faults: tuple[str, ...] = ()
    at_least: int = 0


@dataclass(frozen=True)
class Result:
    """What was broken, what became of the records and of the runs; `findings` say what is wrong, and are to be none.

    `latency` is in seconds from Kafka to mart, one an event; `restarts` are those of the daemon by its supervisor.
    """

    incidents: list[Incident]
    counted: Counted
    runs: Runs
    latency: pl.Series
    restarts: int
    came_back_after: float
    findings: list[str]


def run(plan: Plan, say: Say) -> Result:
    """Carry out a plan in a folder of its own, which is gone afterwards."""
    stack = Stack()
    say(f"state folder {stack.state.path}")
    if stack.disk is None:
        say("This user may not mount a small disk: the fault 'disk full' is left out.")
    try:
        stack.start(say)
        return _run(stack, plan, say)
    finally:
        stack.stop()


def _run(stack: Stack, plan: Plan, say: Say) -> Result:
    load = Load(stack.kafka, plan.rate, plan.seed)
    load.start()
    incidents = list(_break(stack, plan, say))
    account = load.stop()
    say("No more faults, no more load. Waiting for the pipeline to come back by itself.")
    began = time.monotonic()
    amiss = wait_until_current(stack, _COMES_BACK_WITHIN_S)
    came_back_after = time.monotonic() - began
    found = runs(stack)
    findings = [f"It did not come back within {_COMES_BACK_WITHIN_S:.0f} s: {amiss}"] if amiss else []
    if amiss:
        say(stack.last_words())
    findings += _unhealthy(stack, found)
    say(f"Back after {came_back_after:.0f} s. Reading Kafka and lake with other readers, computing everything again.")
    counted = count(stack.kafka, stack.lake, stack.topics, account)
    findings += [*faults_of(counted), *differences_from_fresh(stack)]
    latency = latencies(stack.services, stack.warehouse.read(publication).sort("events_batch"))
    return Result(incidents, counted, found, latency, stack.restarts, came_back_after, findings)


def _break(stack: Stack, plan: Plan, say: Say) -> Iterator[Incident]:
    chance = random.Random(plan.seed)
    names = in_random_order(list(plan.faults or FAULTS), chance)
    began, number = time.monotonic(), 0
    over = began + plan.minutes * 60
    while (pause := chance.uniform(*plan.gap)) + time.monotonic() < over or number < plan.at_least:
        time.sleep(pause)
        number += 1
        incident = inject(next(names), stack, chance)
        say(f"{time.monotonic() - began:6.0f} s  {incident.fault}: {incident.detail or 'there was nothing to hit'}")
        yield incident
    time.sleep(max(0.0, over - time.monotonic()))


def _unhealthy(stack: Stack, found: Runs) -> Iterator[str]:
    """What a person would have to look after."""
    if found.in_flight:
        yield f"runs hang: {', '.join(found.in_flight)}"
    if not found.newest_succeeded:
        yield "the newest run did not succeed"
    for silent in silent_sensors(stack):
        yield f"sensor {silent}"
