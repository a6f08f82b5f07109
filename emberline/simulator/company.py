"""The company's groups and the fate of each, decided before any activity is simulated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from emberline.simulator.clock import DAY, HOUR, MINUTE, NEVER, Calendar, Flags, Instants
from emberline.simulator.scenario import Scenario

PURPOSES: Final = ("retention", "sales", "referral", "service")
FATES: Final = ("lives", "dies", "ends", "never_born", "broadcast_only", "pauses")
FOUNDERS: Final = 3
OPERATORS_A_CARRIER: Final = 4

BURST: Final = np.array([0, 3, 7, 11], dtype=np.int64) * MINUTE
"""When the founders write the four messages a group is born by, the first founder also the last one."""

PAUSES_FROM: Final = 60
"""The day from which on a group may pause: by then its members have done what the plan of the funnel asks of them."""

_LATEST_CREATED: Final = 8
_SHORTEST_LIFE: Final = 50
_DEAD_BEFORE_END: Final = 36
_LATELY: Final = 24


@dataclass(frozen=True)
class Company:
    """Arrays over groups. Instants in microseconds, `NEVER` where something does not happen.

    Attributes:
        carrier: Index into the scenario's carriers.
        purpose: Index into `PURPOSES`.
        fate: Index into `FATES`.
        sells: Whether operators send product messages to it.
        created: When the company made it.
        burst: Time of the first of the four messages by which it counts as born.
        ready: From when members other than founders may join.
        quiet: From when no member is active any more; of pausing groups, from when `pauses` decides.
        decay: From when activity fades towards `quiet`.
        grows: Until when members join.
        staffed: Until when operators and bots write as usual.
        feed: The end of its carrier's feed.
        planned_end: The end that was announced.
        closed: When it was closed.
        weight: Its share of the members, not normalised.
    """

    carrier: npt.NDArray[np.int64]
    purpose: npt.NDArray[np.int64]
    fate: npt.NDArray[np.int64]
    sells: Flags
    created: Instants
    burst: Instants
    ready: Instants
    quiet: Instants
    decay: Instants
    grows: Instants
    staffed: Instants
    feed: Instants
    planned_end: Instants
    closed: Instants
    weight: npt.NDArray[np.float64]
    ids: pl.Series
    names: pl.Series

    @property
    def size(self) -> int:
        """How many groups there are."""
        return len(self.fate)

    @property
    def is_born(self) -> Flags:
        """Which groups ever come alive."""
        return self.burst != NEVER

    def has_fate(self, *fates: str) -> Flags:
        """Which groups have one of these fates."""
        return np.isin(self.fate, [FATES.index(fate) for fate in fates])


def plan(scenario: Scenario, calendar: Calendar, rng: np.random.Generator) -> Company:
    """Decide carrier, purpose and fate of every group."""
    n = scenario.groups
    carrier = rng.permutation(np.arange(n) % len(scenario.carriers))
    purpose = rng.permutation(np.arange(n) % len(PURPOSES))
    fate = _fates(scenario, rng)
    sells = np.isin(purpose, (PURPOSES.index("sales"), PURPOSES.index("referral")))
    sells |= (purpose == PURPOSES.index("retention")) & (rng.random(n) < 0.7)

    def is_fate(name: str) -> Flags:
        return fate == FATES.index(name)

    feed = np.full(n, calendar.end)
    if scenario.silent_carrier is not None:
        silent = carrier == scenario.carriers.index(scenario.silent_carrier)
        feed[silent] = calendar.midnights[scenario.days - scenario.outage_days]
    created_day = rng.integers(0, _LATEST_CREATED, n)
    created = calendar.midnights[created_day] + 9 * HOUR + rng.integers(0, HOUR, n)
    burst = np.where(is_fate("never_born") | is_fate("broadcast_only"), NEVER, created + rng.integers(1, 3, n) * HOUR)
    ready = np.where(burst == NEVER, created + HOUR, burst + HOUR)

    last_day = created_day + _SHORTEST_LIFE
    # Most of the dying are dead by the end; every fourth has gone silent too lately to be called dead.
    lately = is_fate("dies") & (np.cumsum(is_fate("dies")) % 4 == 2)
    last_day = np.where(lately, np.maximum(last_day, scenario.days - _LATELY), last_day)
    latest = scenario.days - np.where(lately, scenario.outage_days + 2, _DEAD_BEFORE_END)
    last_day = rng.integers(last_day, np.maximum(latest, last_day + 1))
    last_words = calendar.midnights[last_day] + 21 * HOUR
    end = calendar.midnights[last_day]

    pauses = np.full(n, calendar.midnights[PAUSES_FROM])
    quiet = np.select(
        [is_fate("dies"), is_fate("ends"), is_fate("broadcast_only"), is_fate("pauses")],
        [last_words + 1, end, created, pauses],
        feed,
    )
    fading = rng.integers(28, 50, n) * DAY
    decay = np.where(is_fate("dies"), np.maximum(quiet - fading, created), NEVER)
    grows = np.select([is_fate("ends"), is_fate("pauses")], [end, pauses], feed)
    grows = np.where(is_fate("dies") & (rng.random(n) < 0.5), quiet, grows)
    abandoned = np.minimum(quiet + 10 * DAY, feed)
    gives_up = is_fate("dies") & (np.cumsum(is_fate("dies")) % 3 == 0)
    staffed = np.select([gives_up, is_fate("ends"), is_fate("pauses")], [abandoned, end, pauses], feed)
    planned_end = np.where(is_fate("ends"), end, NEVER)
    closed = np.where(
        is_fate("ends") & (np.cumsum(is_fate("ends")) % 2 == 1), end + rng.integers(1, 6, n) * HOUR, NEVER
    )

    numbers = pl.Series([f"{number:03d}" for number in range(1, n + 1)])
    carriers = pl.Series(scenario.carriers).gather(carrier)
    labels = pl.Series([f"Simulated {word} group " for word in PURPOSES]).gather(purpose)
    return Company(
        carrier=carrier, purpose=purpose, fate=fate, sells=sells, created=created, burst=burst, ready=ready,
        quiet=quiet, decay=decay, grows=grows, staffed=staffed, feed=feed, planned_end=planned_end, closed=closed,
        weight=rng.lognormal(0.0, 0.6, n),
        ids=carriers + ":simulated-group-" + numbers,
        names=labels + numbers,
    )  # fmt: skip


def _fates(scenario: Scenario, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """The fates of all groups, in random order."""
    lives = scenario.groups - sum(scenario.fated)
    return rng.permutation(np.repeat(np.arange(len(FATES)), (lives, *scenario.fated)))
