"""Exposures: which product messages each person could see, thinned without losing a conversion.

See docs/definitions.md#funnel. Members times messages explode: a thousand members and a thousand offers are a million
exposures, few of which matter for a funnel. For each person, group and product these are kept:

- the first exposure of each calendar day of the business zone, and
- the first and the last one between any two of the person's own events on the timeline.

The second rule keeps chains exact: a step before or after the exposure is an own event, so the earliest exposure after
it, and the latest one before it, are the first and the last of such a stretch. This is true for every funnel without
two consecutive exposure steps whose predicates distinguish exposures only by group and product.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipelines.arrays import fixed, runs
from pipelines.compiled import compiled

_NOBODY = np.iinfo(np.uint32).max


def exposures(stays: pl.DataFrame, own: pl.DataFrame, messages: pl.DataFrame) -> pl.DataFrame:
    """Find the exposures that are kept.

    Args:
        stays: `person_id, group_id, start, end`: half open ranks, disjoint per person and group; null end: open.
        own: `person_id, rank` of every event of a person on the timeline.
        messages: `rank, group_id, product_id, person_id, day` of product messages; null sender: unknown.

    Returns:
        `person_id, rank`: the person exposed and the message's rank.
    """
    own = own.sort("person_id", "rank")
    messages = messages.sort("group_id", "rank")
    persons = own.select(pl.col("person_id").unique(maintain_order=True)).with_row_index("person")
    groups = messages.select(pl.col("group_id").unique(maintain_order=True)).with_row_index("group")
    coded = stays.join(persons, on="person_id").join(groups, on="group_id")
    senders = messages.select("person_id").join(persons, on="person_id", how="left", maintain_order="left")
    person, row = _kept(
        fixed(coded["person"]),
        fixed(coded["group"]),
        fixed(coded["start"].cast(pl.Int64)),
        fixed(coded["end"].cast(pl.Int64).fill_null(np.iinfo(np.int64).max)),
        runs(own["person_id"])[1],
        fixed(own["rank"].cast(pl.Int64)),
        runs(messages["group_id"])[1],
        fixed(messages["rank"].cast(pl.Int64)),
        fixed(messages["product_id"].rank("dense").cast(pl.Int64)) - 1,
        fixed(messages["day"].cast(pl.Int32)),
        fixed(senders["person"].fill_null(_NOBODY)),
    )
    return pl.DataFrame(
        {
            "person_id": persons["person_id"].gather(person),
            "rank": messages["rank"].gather(row),
        }
    )


@compiled
def _kept(
    stay_person: NDArray[np.uint32],
    stay_group: NDArray[np.uint32],
    stay_start: NDArray[np.int64],
    stay_end: NDArray[np.int64],
    own_offsets: NDArray[np.int64],
    own_rank: NDArray[np.int64],
    message_offsets: NDArray[np.int64],
    message_rank: NDArray[np.int64],
    message_product: NDArray[np.int64],
    message_day: NDArray[np.int32],
    message_sender: NDArray[np.uint32],
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return [kept] person and message row; memory grows with the kept exposures, not with members times messages."""
    n_products = message_product.max() + 1 if len(message_product) else 0
    newest_stay = np.full(n_products, -1, np.int64)
    newest_row = np.empty(n_products, np.int64)
    newest_stretch = np.empty(n_products, np.int64)
    newest_is_kept = np.empty(n_products, np.bool_)
    seen = np.empty(n_products, np.int64)
    out_person = np.empty(1024, np.uint32)
    out_row = np.empty(1024, np.int64)
    n_out = 0
    for stay in range(len(stay_start)):
        person, group = stay_person[stay], stay_group[stay]
        begin, end = message_offsets[group], message_offsets[group + 1]
        row = begin + np.searchsorted(message_rank[begin:end], stay_start[stay])
        # An own event ends a stretch, which is identified by the first own event after it.
        stretch, own_end = own_offsets[person], own_offsets[person + 1]
        stretch += np.searchsorted(own_rank[stretch:own_end], stay_start[stay])
        n_seen = 0
        while row < end and message_rank[row] < stay_end[stay]:
            if message_sender[row] == person:
                row += 1
                continue
            while stretch < own_end and own_rank[stretch] < message_rank[row]:
                stretch += 1
            # Space for this row, and for the last row of every product at the end of the stay.
            if n_out + n_seen + 3 > len(out_row):
                out_person = np.concatenate((out_person, np.empty_like(out_person)))
                out_row = np.concatenate((out_row, np.empty_like(out_row)))
            product = message_product[row]
            keep = True
            if newest_stay[product] != stay:
                newest_stay[product] = stay
                seen[n_seen] = product
                n_seen += 1
            elif newest_stretch[product] == stretch:
                keep = message_day[newest_row[product]] != message_day[row]
            elif not newest_is_kept[product]:
                out_person[n_out], out_row[n_out] = person, newest_row[product]
                n_out += 1
            if keep:
                out_person[n_out], out_row[n_out] = person, row
                n_out += 1
            newest_row[product] = row
            newest_stretch[product] = stretch
            newest_is_kept[product] = keep
            row += 1
        for product in seen[:n_seen]:
            if not newest_is_kept[product]:
                out_person[n_out], out_row[n_out] = person, newest_row[product]
                n_out += 1
    return out_person[:n_out].copy(), out_row[:n_out].copy()
