"""Why a step failed is told in the words of this project where there are any, and is a defect where there are none."""

from typing import Any

import dagster as dg
import pytest
from polars.exceptions import ComputeError

from schemas.errors import EmberlineError
from sensors.failures import cause_of


class StoreFull(EmberlineError):
    """What a store of the test's raises."""


def error_of(error: Exception, cause: Exception | None = None) -> Any:
    """What Dagster keeps of a step that raises an error."""

    @dg.op
    def fails() -> None:
        raise error from cause

    @dg.job
    def job() -> None:
        fails()

    result = job.execute_in_process(raise_on_error=False)
    [event] = result.get_step_failure_events()
    return event.step_failure_data.error


@pytest.mark.parametrize("cause", [None, OSError(28, "No space left on device")])
def test_an_error_of_this_project_is_told_without_the_trace_of_what_led_to_it(cause: Exception | None):
    found = cause_of(error_of(StoreFull("The store is full.", "Make room.", "/lake"), cause))
    assert (found.text, found.trace) == ("The store is full.\nWhere: /lake\nNext: Make room.", None)


@pytest.mark.parametrize(
    ("error", "place"),
    [
        (OSError(28, "No space left on device", "/lake/raw"), "/lake/raw"),
        (OSError("No space left on device (os error 28): /lake/raw"), "/lake/raw"),
        (ComputeError("parquet: File out of specification: No space left on device (os error 28)"), None),
    ],
    ids=["Python", "Delta", "Polars"],
)
def test_what_the_operating_system_refuses_in_a_step_is_no_defect(error: Exception, place: str | None):
    found = cause_of(error_of(error))
    assert found.trace is None
    where = [] if place is None else [f"Where: {place}"]
    assert found.text.splitlines()[:-1] == ["The operating system refused: No space left on device.", *where]
    assert found.text.splitlines()[-1].startswith("Next: Make room there")


def test_any_other_error_is_a_defect_with_its_trace_apart():
    found = cause_of(error_of(ZeroDivisionError("by zero"), OSError("below it (os error 2)")))
    assert found.trace is not None
    assert "below it" in found.text
    assert "by zero" in found.trace
    assert "Stack Trace" not in found.text


def test_a_step_that_failed_without_an_error_is_no_defect():
    assert cause_of(None).trace is None
