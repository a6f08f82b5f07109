"""A run and `status` say how many records were ignored, and why, by carrier."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from emberline.cli.pipeline import as_dict, print_outcome
from emberline.cli.services import _condition_lines
from emberline.runner import Ignored, RunOutcome
from emberline.services import Services
from emberline.settings import Settings
from emberline.status import condition
from pipelines.ingest.counts import Counts
from pipelines.ingest.ignored import ignored_records
from pipelines.lake import Lake
from tests.pipelines.canonical import TOPIC, ingest, land, message, records
from tests.pipelines.several import SEVERAL, ignored, several

REASONS = ["a heartbeat", "a note", "a heartbeat", "typing", "read"]


@pytest.fixture
def services(tmp_path: Path) -> Services:
    services = Services(Settings(state=tmp_path / "state", kafka={"topics": {TOPIC: "zulip"}}))  # type: ignore[arg-type]
    values = [several(message(id="a"), message(id="b")), *map(ignored, REASONS)]
    land(services.lake(), records(values))
    ingest(services.lake(), carriers=SEVERAL)
    return services


def test_reasons_are_counted_by_carrier_the_commonest_first(services: Services):
    found = ignored_records(services.lake(), {TOPIC: "zulip"})
    assert found.rows()[0] == ("zulip", "a heartbeat", 2)
    assert ignored_records(services.lake(), {}).rows()[1] == (TOPIC, "a note", 1)
    assert ignored_records(services.lake(), {}, after_batch=1).is_empty()


def test_a_lake_without_events_has_ignored_nothing_and_gets_no_table(tmp_path: Path):
    assert ignored_records(Lake(str(tmp_path / "lake")), {}).is_empty()
    assert not (tmp_path / "lake").exists()


def test_status_shows_the_commonest_reasons(services: Services):
    how = condition(services, dt.datetime.now(dt.UTC))
    assert how["records"]["ignored_for"][0] == {"carrier": "zulip", "reason": "a heartbeat", "records": 2}
    assert (how["records"]["raw"], how["records"]["further"]) == (6, 1)
    shown = ["".join(part if isinstance(part, str) else part[0] for part in line) for line in _condition_lines(how)]
    begin = next(place for place, line in enumerate(shown) if line.startswith("Ignored"))
    assert [line.split("  ")[-1].strip() for line in shown[begin : begin + 5]] == [
        "5 of 6 records",
        "2 of zulip: a heartbeat",
        "1 of zulip: a note",
        "1 of zulip: read",
        "1 for other reasons; all of them: emberline status --json",
    ]


def test_a_run_says_what_it_ignored(capsys: pytest.CaptureFixture[str]):
    counts = Counts(raw=6, events=2, ignored=5, further=1)
    outcome = RunOutcome("r", True, counts, counts, 0, 0, {}, 1, (), ignored=(Ignored("zulip", "a heartbeat\x1b", 5),))
    print_outcome(outcome)
    shown = " ".join(capsys.readouterr().out.split())
    assert "Read 6 records with 1 further event: 2 new events" in shown
    assert "0 tombstones, 5 ignored." in shown
    assert r"5 of the ignored, of zulip: a heartbeat\x1b" in shown
    assert as_dict(outcome)["ignored_for"] == [{"carrier": "zulip", "reason": "a heartbeat\x1b", "records": 5}]
