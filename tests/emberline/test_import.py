"""The command `import`: an export becomes payloads in Kafka, as often as it is given and wherever it was cut short."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from emberline.cli.commands import app
from emberline.cli.errors import ExitCode
from emberline.embedded.state import StateFolder
from emberline.import_places import ImportPlace
from pipelines.carriers import CARRIERS
from pipelines.carriers.readers import detect
from pipelines.carriers.readers.source import source_of
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.import_export import send_export
from tests.pipelines.carriers.readers.reading import OPTIONS, SAMPLES
from tests.pipelines.ingest.test_replay import arrived

GROUP = SAMPLES / "telegram_export" / "CONSTRUCTED_supergroup.json"
Emberline = Callable[..., Result]


@pytest.fixture
def emberline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kafka: str) -> Emberline:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, topics: dict[str, str] | None = None, **environment: str) -> Result:
        with monkeypatch.context() as patched:
            patched.setenv("COLUMNS", "200")
            patched.setenv("EMBERLINE__KAFKA__BOOTSTRAP_SERVERS", kafka)
            patched.setenv("EMBERLINE__KAFKA__TOPICS", json.dumps(topics or {"never.made": "cloudevents"}))
            for name, value in environment.items():
                patched.setenv(name, value)
            return CliRunner().invoke(app, ["import", *arguments], prog_name="emberline")

    return call


@pytest.fixture
def connection(kafka: str) -> KafkaConnection:
    return KafkaConnection(kafka)


def test_a_file_that_is_given_twice_gives_the_same_events(emberline, topic, connection: KafkaConnection):
    name = topic()
    once, again = (emberline(str(GROUP), "--no-run", "--json", topics={name: "telegram_export"}) for _ in range(2))
    assert (once.exit_code, again.exit_code) == (ExitCode.OK, ExitCode.OK)
    (export,) = json.loads(once.stdout)["exports"]
    assert (export["reader"], export["payloads"], export["topic"]) == ("telegram_export", 5, name)
    values = pl.Series([value for _, _, value in arrived(connection, name)], dtype=pl.Binary)
    events = CARRIERS["telegram_export"].decode_column(values).events
    assert (len(values), events.height, events["event_id"].n_unique()) == (10, 12, 6)


def test_it_says_what_the_file_is_and_what_it_cannot_tell_and_what_comes_next(emberline, topic):
    done = emberline(str(GROUP), "--no-run", topics={topic(): "telegram_export"})
    assert "is a JSON export of Telegram Desktop: one chat of type private_supergroup" in done.stdout
    assert "It has: all messages; joins and leaves; replies; times to the second." in done.stdout
    assert "Skipped: joins and leaves of names without an id (1)" in done.stdout
    assert done.stdout.rstrip().endswith("run")


def test_it_says_where_leaves_are_missing(emberline, topic):
    said = "Members who left still count"
    assert said in emberline(str(SAMPLES / "slack_export" / "workspace"), "--no-run", topics={topic(): "slack"}).stdout
    assert said not in emberline(str(GROUP), "--no-run", topics={topic(): "telegram_export"}).stdout


def test_texts_come_into_kafka_only_where_the_settings_keep_them(emberline, topic, connection: KafkaConnection):
    measured, kept = topic(), topic()
    emberline(str(GROUP), "--no-run", topics={measured: "telegram_export"})
    emberline(str(GROUP), "--no-run", topics={kept: "telegram_export"}, EMBERLINE__PRIVACY__KEEP_TEXTS="true")
    said = [
        b"https://example.com/p/1" in b"".join(value or b"" for *_, value in arrived(connection, one))
        for one in (measured, kept)
    ]
    assert said == [False, True]


def test_payloads_as_they_are_are_measured_by_their_carrier(emberline, topic, connection: KafkaConnection, tmp_path):
    update = {
        "message": {
            "message_id": 1,
            "date": 1767222000,
            "chat": {"id": -5, "type": "group"},
            "from": {"id": 1},
            "text": "SECRET",
        }
    }
    (tmp_path / "updates.jsonl").write_text(json.dumps({"update_id": 1, **update}))
    name = topic()
    done = emberline("updates.jsonl", "--carrier", "telegram", "--no-run", topics={name: "telegram"})
    assert done.exit_code == ExitCode.OK, done.stderr
    ((*_, value),) = arrived(connection, name)
    assert value is not None
    assert b"SECRET" not in value
    assert CARRIERS["telegram"].decode([value]).events["text_length"].to_list() == [6]


def test_a_file_that_nobody_knows_is_told_with_what_is_known(emberline, tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    done = emberline("notes.txt")
    assert done.exit_code == ExitCode.FAILED
    assert "notes.txt" in done.stderr
    assert "--as" in done.stderr


@pytest.mark.parametrize(
    "wrong", [("--as", "pigeon"), ("--carrier", "pigeon"), ("--zone", "Mars"), ("--column", "time")]
)
def test_a_wrong_option_is_a_wrong_command_line(emberline, wrong):
    assert emberline(str(GROUP), *wrong).exit_code == ExitCode.USAGE


def test_a_carrier_without_a_topic_is_told_with_the_line_that_is_missing(emberline):
    done = emberline(str(GROUP))
    assert done.exit_code == ExitCode.FAILED
    assert '"raw.telegram_export" = "telegram_export"' in done.stderr.replace("\n", "")


def test_an_import_goes_on_behind_what_was_acknowledged(connection: KafkaConnection, topic):
    (found,) = detect(source_of(GROUP))
    whole, rest = topic(), topic()
    assert send_export(connection, whole, found.reader.read(found.source, OPTIONS)).payloads == 5
    reached: list[int] = []
    sent = send_export(connection, rest, found.reader.read(found.source, OPTIONS), 3, lambda n, _: reached.append(n))
    assert (sent.payloads, reached[-1]) == (5, 5)
    assert arrived(connection, rest) == arrived(connection, whole)[3:]


def test_a_place_holds_for_the_same_file_and_options_only_and_is_left_at_the_end(tmp_path):
    state = StateFolder(tmp_path / "state")
    place = ImportPlace.of(state, "result.json", "100 5", "Asia/Shanghai")
    assert place.payloads == 0
    place.reach(7)
    assert ImportPlace.of(state, "result.json", "100 5", "Asia/Shanghai").payloads == 7
    assert ImportPlace.of(state, "result.json", "101 5", "Asia/Shanghai").payloads == 0
    place.file.write_text("{")
    assert place.payloads == 0
    place.leave()
    assert not place.file.exists()


def test_people_of_the_company_are_known(emberline, topic, connection: KafkaConnection):
    name = topic()
    emberline(str(GROUP), "--no-run", "--operator", "2", topics={name: "telegram_export"})
    values = pl.Series([value for _, _, value in arrived(connection, name)], dtype=pl.Binary)
    events = CARRIERS["telegram_export"].decode_column(values).events
    assert events.filter(account_id="telegram:2")["role"].unique().to_list() == ["operator"]
    assert replace(OPTIONS, operators=frozenset({"2"})).role("2") == "operator"
