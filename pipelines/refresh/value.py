"""`person_value` follows `order_credit`, and is computed as a whole: every buyer bears on the model and the scores."""

from __future__ import annotations

import datetime as dt

from pipelines.engagement.person_value import credited_orders, person_value
from pipelines.lake import Lake
from pipelines.refresh.whole import inputs_of, refresh_whole
from pipelines.refresh.written import SETTINGS, Refreshed
from schemas.lake import ORDER_CREDIT, PERSON_VALUE


def value_inputs(lake: Lake, through: dt.date | None, settings: int) -> dict[str, int]:
    """The inputs of `person_value`: the rows of `order_credit`, the last complete day and the settings."""
    return inputs_of(
        lake, ORDER_CREDIT, **{SETTINGS: settings, "through": 0 if through is None else through.toordinal()}
    )


def refresh_person_value(lake: Lake, through: dt.date | None, zone: str, settings: int) -> Refreshed:
    """Recompute what buyers are worth, if their orders, the last complete day or the rules changed.

    Args:
        lake: holds the fact and `order_credit`.
        through: last complete day, which the fact is of.
        zone: IANA name of the business zone.
        settings: fingerprint of the rules.
    """
    inputs = value_inputs(lake, through, settings)
    return refresh_whole(
        lake, PERSON_VALUE, inputs, lambda: person_value(credited_orders(lake.open(ORDER_CREDIT).scan()), through, zone)
    )
