"""An event that is wrong is taken out of every figure, also while the publication is blocked, and is put back."""

import datetime as dt

import polars as pl
import pytest

from emberline.cli.errors import ExitCode
from emberline.cli.pipeline import code_of, print_outcome
from pipelines.quarantine import rule_on_event
from schemas import warehouse as mart
from schemas.lake import GROUP_DAY
from tests.end_to_end.test_blocked_publication import plant_more_speakers_than_active_members
from tests.end_to_end.test_restatement import NOON, said, sent

MONDAY = dt.date(2025, 3, 3)


@pytest.mark.soak
def test_an_event_is_taken_out_while_the_publication_is_blocked_and_put_back(pipeline, capsys):
    warehouse, lake = pipeline.services.warehouse(), pipeline.services.lake()

    def messages() -> int:
        return warehouse.read(mart.group_day).filter(day=MONDAY)["messages"].sum()

    def rule(*, is_quarantined: bool) -> None:
        rule_on_event(
            lake, "bridge", "app:bob 0", is_quarantined=is_quarantined, actor="ann", reason="a test", now=NOON
        )

    pipeline.send(sent(said("app:ann", 0), said("app:bob", 0), said("app:ann", 15)))
    assert pipeline.run().version == 1
    assert messages() == 2
    plant_more_speakers_than_active_members(lake, rows=1)
    assert (
        lake.open(GROUP_DAY).scan().filter(pl.col("speakers") > pl.col("active_members")).collect()["day"].item()
        == MONDAY
    )
    assert code_of(pipeline.run()) is ExitCode.BLOCKED

    rule(is_quarantined=True)
    taken_out = pipeline.run()
    assert (code_of(taken_out), taken_out.version, messages()) == (ExitCode.OK, 2, 1)
    restated = warehouse.read(mart.restatement).filter(table_name="group_day", figure="messages")
    assert restated.select("before", "after", "late_events").rows() == [(2, 1, 1)]
    capsys.readouterr()
    print_outcome(taken_out)
    assert "1 event went into quarantine, 0 came back" in capsys.readouterr().out

    rule(is_quarantined=False)
    assert pipeline.run().version == 3
    assert messages() == 2
