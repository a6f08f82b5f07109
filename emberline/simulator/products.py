"""The product messages of the company: what a member can be exposed to, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from emberline.simulator.clock import DAY, HOUR, NEVER, Calendar, Instants
from emberline.simulator.company import PURPOSES, Company

PRODUCTS: Final = 60

_DAYS_BETWEEN: Final = {"sales": 1, "referral": 2, "retention": 3, "service": 3}


@dataclass(frozen=True)
class ProductMessages:
    """Arrays over product messages, sorted by group and time."""

    group: npt.NDArray[np.int64]
    time: Instants
    product: npt.NDArray[np.int64]
    key: npt.NDArray[np.int64]
    begin: int
    span: int

    def next(self, group: npt.NDArray[np.int64], instants: Instants) -> npt.NDArray[np.int64]:
        """Index of the first message to the group later than the instant; -1 where there is none."""
        return self._checked(self._position(group, instants), group)

    def last(self, group: npt.NDArray[np.int64], instants: Instants) -> npt.NDArray[np.int64]:
        """Index of the last message to the group not later than the instant; -1 where there is none."""
        return self._checked(self._position(group, instants) - 1, group)

    def time_of(self, index: npt.NDArray[np.int64]) -> Instants:
        """When the messages were sent, `NEVER` for -1."""
        return np.where(index < 0, NEVER, self.time[index])

    def _position(self, group: npt.NDArray[np.int64], instants: Instants) -> npt.NDArray[np.int64]:
        offset = np.clip(instants - self.begin, 0, self.span - 1)
        return np.searchsorted(self.key, group * self.span + offset, side="right").astype(np.int64)

    def _checked(self, index: npt.NDArray[np.int64], group: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        inside = np.clip(index, 0, len(self.group) - 1)
        return np.where((index == inside) & (self.group[inside] == group), index, -1)


def plan(calendar: Calendar, company: Company, rng: np.random.Generator) -> ProductMessages:
    """Product messages at least every four days, in every selling group, as long as it is staffed."""
    every = np.array([_DAYS_BETWEEN[purpose] for purpose in PURPOSES])[company.purpose]
    day, group = np.meshgrid(np.arange(calendar.days), np.arange(company.size))
    day, group = day.ravel(), group.ravel()
    wanted = company.sells[group] & (day % every[group] == group % every[group])
    day, group = day[wanted], group[wanted]
    time = calendar.midnights[day] + 10 * HOUR + rng.integers(0, 12 * HOUR, len(day))
    kept = (time > company.created[group] + HOUR) & (time < company.staffed[group])
    time, group = time[kept], group[kept]
    order = np.lexsort((time, group))
    span = calendar.end - calendar.begin + DAY
    return ProductMessages(
        group=group[order],
        time=time[order],
        product=rng.integers(0, PRODUCTS, len(order)),
        key=group[order] * span + (time[order] - calendar.begin),
        begin=calendar.begin,
        span=span,
    )


def message_ids(index: npt.NDArray[np.int64]) -> pl.Series:
    """Message ids of product messages, null for -1."""
    return _numbered("simulated-offer-", index)


def product_ids(product: npt.NDArray[np.int64]) -> pl.Series:
    """Product ids, null for -1."""
    return _numbered("simulated-product-", product)


def _numbered(prefix: str, index: npt.NDArray[np.int64]) -> pl.Series:
    number = pl.Series("index", index)
    named = pl.when(number >= 0).then(pl.lit(prefix) + number.cast(pl.String))
    return pl.select(named).to_series()
