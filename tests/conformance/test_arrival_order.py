"""Trap 15: what arrives late, early or twice over in another order changes no number."""

from itertools import permutations

import pytest
from polars.testing import assert_frame_equal

from pipelines.funnel.attribution import order_credit
from pipelines.funnel.funnel import funnel
from pipelines.funnel.steps import timeline
from schemas import kinds
from schemas.attribution import MODELS
from schemas.funnel import standard
from tests.pipelines.funnel.samples import at, event, frame, numbered

ORDER = {"order_id": "o", "source": "//shop", "currency": "CNY"}
STORY = {
    "message": event(
        kinds.MESSAGE_SENT, at(9), "seller", role="operator", group_id="qq:g", message_id="m", product_id="x"
    ),
    "click": event(kinds.LINK_CLICKED, at(10), "p", group_id="qq:g", message_id="m"),
    "order": event(kinds.ORDER_PLACED, at(11), "p", amount_minor=900, **ORDER),
    "payment": event(kinds.ORDER_PAID, at(12), "p", amount_minor=900, **ORDER),
    "refund": event(kinds.ORDER_REFUNDED, at(13), amount_minor=200, **ORDER),
}
JOIN = event(kinds.MEMBER_JOINED, at(0), "p", group_id="qq:g")
STAYING = [event(kinds.MESSAGE_SENT, at(day), "p", group_id="qq:g", message_kind="text") for day in (1, 8)]
"""What activates a member, and what shows a week later that the member is still there."""
ARRIVALS = pytest.mark.parametrize("arrival", list(permutations(STORY)), ids="-".join)


@ARRIVALS
def test_an_order_is_owed_the_same_in_any_order_of_arrival(arrival):
    credit = order_credit(frame(numbered([JOIN, *(STORY[name] for name in arrival)]))).collect()
    wanted = ["model", "group_id", "paid_minor", "refunded_minor", "net_minor"]
    assert set(credit.select(wanted).rows()) == {(model, "qq:g", 900, 200, 700) for model in MODELS}


@ARRIVALS
def test_the_funnel_is_the_same_in_any_order_of_arrival(arrival):
    def entries(names):
        events = [
            {**event, "event_id": str(event["time"])} for event in (JOIN, *STAYING, *(STORY[name] for name in names))
        ]
        return funnel(timeline(frame(numbered(events))), standard(), at(100)).collect()

    reached = [step.name for step in standard().steps].index("paid") + 1
    assert entries(arrival)["steps_reached"].to_list() == [reached]
    assert_frame_equal(entries(arrival), entries(STORY))
