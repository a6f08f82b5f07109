"""What somebody notes goes into Kafka as an event of the group that is meant; what cannot be right is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from emberline.cli.commands import app
from emberline.cli.errors import ExitCode
from pipelines.carriers import CARRIERS
from pipelines.ingest.connection import KafkaConnection
from pipelines.lake import Lake
from schemas.lake import GROUP
from tests.emberline.receiving import records

GROUPS = (("app:1", "Tea lovers"), ("app:2", "Twins"), ("app:3", "Twins"), ("app:4", None))
CALL = ("--kind", "call")


@pytest.fixture(autouse=True)
def _company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A company with some groups, whose Kafka is nowhere."""
    monkeypatch.chdir(tmp_path)
    reads("chat", "cloudevents", "127.0.0.1:1", monkeypatch)
    monkeypatch.setenv("EMBERLINE__LAKE__URI", str(tmp_path / "lake"))
    lake = Lake(str(tmp_path / "lake"))
    rows = [{"group_id": group, "carrier": "app", "name": told, "operators": 0} for group, told in GROUPS]
    lake.append(lake.open(GROUP), pl.DataFrame(rows, schema=GROUP.schema), {})


def reads(topic: str, carrier: str, servers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the company read one topic."""
    monkeypatch.setenv("EMBERLINE__KAFKA__TOPICS", json.dumps({topic: carrier}))
    monkeypatch.setenv("EMBERLINE__KAFKA__BOOTSTRAP_SERVERS", servers)


def note(*arguments: str):
    return CliRunner().invoke(app, ["note", *arguments])


@pytest.mark.parametrize("group", ["app:1", "Tea lovers"])
def test_a_note_is_an_event_of_the_group(
    group: str, kafka: str, topic: Callable[..., str], monkeypatch: pytest.MonkeyPatch
):
    reads(name := topic(), "cloudevents", kafka, monkeypatch)
    said = note(group, " Called Ann ", *CALL, "--at", "2025-03-03T12:00", "--by", "app:op", "--json")
    assert said.exit_code == ExitCode.OK, said.output
    ((key, value),) = records(KafkaConnection(kafka), name).select("key", "value").rows()
    event = CARRIERS["cloudevents"].decode([value]).events.row(0, named=True)
    told = {name: value for name, value in event.items() if value not in (None, 0)}
    assert told.pop("time").isoformat() == "2025-03-03T04:00:00+00:00"
    assert told == {
        "source": "emberline/notes", "event_id": json.loads(said.stdout)["event_id"], "type": "group.intervention",
        "group_id": "app:1", "account_id": "app:op", "role": "operator", "carrier": "app", "intervention": "call",
        "intervention_note": "Called Ann", "time_quality": "exact",
    }  # fmt: skip
    assert key == told["event_id"].encode()


WRONG = {
    "no such group": (["app:9", "x", *CALL], "no group has the id or name"),
    "a name of several groups": (["Twins", "x", *CALL], "app:2, app:3"),
    "no such kind": (["app:1", "x", "--kind", "prayer"], "invitation_wave"),
    "no kind": (["app:1", "x"], "--kind"),
    "the future": (["app:1", "x", *CALL, "--at", "2999-01-01"], "2999-01-01 00:00 is in the future"),
    "long ago": (["app:1", "x", *CALL, "--at", "1989-12-31"], "before 1990"),
    "no words": (["app:1", "  ", *CALL], "say what was done"),
    "a book": (["app:1", "x" * 1001, *CALL], "say what was done"),
    "no account": (["app:1", "x", *CALL, "--by", "Zhang San"], "carrier:native_id"),
}


@pytest.mark.parametrize(("arguments", "words"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_right_is_a_wrong_command_line(arguments: list[str], words: str):
    said = note(*arguments)
    assert said.exit_code == ExitCode.USAGE
    assert words in " ".join(said.output.replace("│", " ").split())


def test_a_company_that_reads_no_canonical_events_is_told_how_it_would(monkeypatch: pytest.MonkeyPatch):
    reads("chat", "telegram", "127.0.0.1:1", monkeypatch)
    said = note("app:1", "x", *CALL)
    assert said.exit_code == ExitCode.FAILED
    assert "which reads notes" in said.output
