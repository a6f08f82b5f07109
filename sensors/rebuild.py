"""`rebuild_job`: requests a rebuild of a fact from Dagster's page; `follow_sensor` starts the run."""

# Dagster reads the type of a context from the annotation itself, so annotations are no strings here.
import datetime as dt
from typing import Any

import dagster as dg

from assets.resources import Clock
from pipelines.lake import Lake
from pipelines.refresh import NotRebuildable, request_rebuild
from schemas.lake import FACTS

_CONFIG: dict[str, Any] = {
    "fact": dg.Field(dg.Enum("Fact", [dg.EnumValue(table.name) for table in FACTS]), description="What to rebuild."),
    "since": dg.Field(
        dg.Noneable(str), None, description="First day to recompute, such as 2026-03-31; none: from scratch."
    ),
    "reason": dg.Field(str, "Its code changed.", description="Reason; it is stored."),
}


@dg.op(out=dg.Out(dg.Nothing), config_schema=_CONFIG)
def request(context: dg.OpExecutionContext, lake: dg.ResourceParam[Lake], clock: dg.ResourceParam[Clock]) -> None:
    """Record the request."""
    asked: dict[str, Any] = context.op_config
    number = request_rebuild(
        lake,
        asked["fact"],
        since=None if asked["since"] is None else _day(asked["since"]),
        actor="Dagster",
        reason=asked["reason"],
        now=clock.now(),
    )
    context.add_output_metadata({"request": number, "next": "follow_sensor starts the run within a minute."})


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise NotRebuildable(f"since is not a day: {text!r}.", "Write it as 2026-03-31, or leave it out.") from None


@dg.job(
    executor_def=dg.in_process_executor,
    description="Request a rebuild of a fact because its code changed; dependants follow.",
)
def rebuild_job() -> None:
    """One op."""
    request()
