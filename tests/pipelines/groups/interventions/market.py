"""What the groups of a world sell, in one shop that tells nothing on some days, as tables of the lake."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from schemas.lake import CUSTOMER_ORDER, FEED_DAY, GROUP_SALES_DAY
from tests.pipelines.groups.interventions.world import DAYS, World, on, table_of

SHOP = "shop"
MODEL = "last_click"
CURRENCIES = ("CNY", "USD")
OPENED = 3
"""The day of the first order: nothing is known of sales before."""


@dataclass(frozen=True)
class Market:
    """Net sales in minor units by group, day and currency; on the days in `untold` the shop tells nothing."""

    net: dict[tuple[str, int, str], int]
    untold: frozenset[int]

    @classmethod
    def of(cls, seed: int, world: World) -> Market:
        """Draw one; some is told of days on which the shop told nothing, which must not count."""
        rng = np.random.default_rng(seed)
        net = {
            (name, day, currency): int(rng.integers(0, 9_000))
            for name in world.states
            for day in range(OPENED, DAYS)
            for currency in CURRENCIES
            if rng.random() < 0.05
        }
        pause = int(rng.integers(OPENED + 1, DAYS - 10))
        return cls(net, frozenset(range(pause, pause + int(rng.integers(0, 10)))))

    @property
    def measured(self) -> set[int]:
        """The days on which it is known what was sold."""
        return set(range(OPENED, DAYS)) - self.untold

    def sold(self) -> pl.LazyFrame:
        """`schemas.lake.GROUP_SALES_DAY`."""
        return table_of(GROUP_SALES_DAY, [
            {"model": MODEL, "group_id": name, "day": on(day), "currency": currency, "net_minor": net}
            for (name, day, currency), net in self.net.items()
        ])  # fmt: skip

    def orders(self) -> pl.LazyFrame:
        """`schemas.lake.CUSTOMER_ORDER`: the first one."""
        return table_of(CUSTOMER_ORDER, [{"shop": SHOP, "order_id": "1", "day": on(OPENED)}])

    def feed_day(self) -> pl.LazyFrame:
        """`schemas.lake.FEED_DAY` of the shop."""
        return table_of(FEED_DAY, [{"source": SHOP, "day": on(day)} for day in range(DAYS) if day not in self.untold])
