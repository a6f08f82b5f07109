"""Attribution models: integer weights of the touches of a path (docs/definitions.md#attribution).

Only the proportions of weights within a path matter. They are integers, so that credit never depends on rounding of
floats.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.attribution import Model

Weights = NDArray[np.int64]

_FULL: Final = 2**20
"""Weight of the newest touch in time decay. Touches more than 20 half-lives older have weight 0."""
_STEPS: Final = 256
"""Steps of age per half-life in time decay: one step reduces the weight by 0.27 %."""


@dataclass(frozen=True)
class Paths:
    """The touches of many orders, grouped by order and in the sequence in which they count.

    Attributes:
        starts: [orders] the first touch of each order; every order has touches.
        time: [touches] microseconds, at most that of the payment.
        is_click: [touches] whether it is a click, else an exposure.
    """

    starts: NDArray[np.int64]
    time: NDArray[np.int64]
    is_click: NDArray[np.bool_]

    def lengths(self) -> NDArray[np.int64]:
        """[orders] number of touches."""
        return np.diff(self.starts, append=len(self.time))


def weigh(model: Model, paths: Paths, half_life: int) -> Weights:
    """Return the weight of each touch.

    - `last_click`, `first_click`, `last_exposure`: only that touch; no weight if the path has no such touch.
    - `linear`: equal weights.
    - `position_based`: 40 % for the first, 40 % for the last, 20 % for all between; two touches share equally.
    - `time_decay`: half the weight per half-life, `2 ** (-age / half_life)` with the age relative to the newest touch
      of the path, rounded down to 1/256 of a half-life, and the weight to 2 ** -20.

    Args:
        model: The model.
        paths: The touches.
        half_life: Microseconds; for `time_decay`.

    Returns:
        [touches] weights, not negative.
    """
    return _MODELS[model](paths, half_life)


def _last_click(paths: Paths, _half_life: int) -> Weights:
    return _last(paths, paths.is_click)


def _first_click(paths: Paths, _half_life: int) -> Weights:
    touches = np.arange(len(paths.time))
    first = np.minimum.reduceat(np.where(paths.is_click, touches, len(touches)), paths.starts)
    return (np.repeat(first, paths.lengths()) == touches).astype(np.int64)


def _last_exposure(paths: Paths, _half_life: int) -> Weights:
    return _last(paths, ~paths.is_click)


def _last(paths: Paths, candidates: NDArray[np.bool_]) -> Weights:
    touches = np.arange(len(paths.time))
    last = np.maximum.reduceat(np.where(candidates, touches, -1), paths.starts)
    return (np.repeat(last, paths.lengths()) == touches).astype(np.int64)


def _linear(paths: Paths, _half_life: int) -> Weights:
    return np.ones(len(paths.time), np.int64)


def _position_based(paths: Paths, _half_life: int) -> Weights:
    lengths = paths.lengths()
    between = np.repeat(lengths - 2, lengths)
    is_end = np.zeros(len(paths.time), np.bool_)
    is_end[paths.starts] = is_end[paths.starts + lengths - 1] = True
    # With n touches between: 2n for each end, 1 for each between, of 5n.
    return np.where(is_end, np.maximum(2 * between, 1), 1)


def _time_decay(paths: Paths, half_life: int) -> Weights:
    newest = np.repeat(np.maximum.reduceat(paths.time, paths.starts), paths.lengths())
    halvings, steps = np.divmod((newest - paths.time) * _STEPS // half_life, _STEPS)
    return _OF_STEPS[steps] >> np.minimum(halvings, 63)


def _of_steps(steps: int) -> int:
    """Return `floor(_FULL * 2 ** (-steps / _STEPS))` without floats, by integer roots of its power `_STEPS`."""
    power = _FULL**_STEPS >> steps
    for _ in range(_STEPS.bit_length() - 1):
        power = math.isqrt(power)
    return power


_OF_STEPS: Final = np.array([_of_steps(steps) for steps in range(_STEPS)], np.int64)

_MODELS: Final[dict[Model, Callable[[Paths, int], Weights]]] = {
    "last_click": _last_click,
    "first_click": _first_click,
    "last_exposure": _last_exposure,
    "linear": _linear,
    "position_based": _position_based,
    "time_decay": _time_decay,
}
