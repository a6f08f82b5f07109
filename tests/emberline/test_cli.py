"""The command line: what it refuses, how it says so, and its exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from emberline.cli.commands import app
from emberline.cli.errors import ExitCode
from pipelines.carriers import CARRIERS
from pipelines.lake import Lake
from tests.pipelines.canonical import encoded, ingest, land, message, records


@pytest.fixture
def emberline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Call a command in this process: one of its own begins with seconds of imports, and test_failures has such."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, **environment: str) -> Result:
        with monkeypatch.context() as patched:
            for name, value in {"NO_COLOR": "1", "COLUMNS": "200", **environment}.items():
                patched.setenv(name, value)
            return CliRunner().invoke(app, arguments, prog_name="emberline")

    return call


def test_help_lists_the_commands_and_the_exit_codes(emberline):
    shown = emberline("--help").stdout
    for command in ("demo", "run", "replay", "funnel", "groups", "backtest", "up", "down", "status"):
        assert command in shown
    assert "5 checks blocked the publication" in shown


def test_help_does_not_wait_for_what_only_some_commands_need(emberline):
    slow = "sys.modules.keys() & {'dagster', 'great_expectations', 'kafka', 'numba', 'pandas'}"
    loaded = f"import emberline.cli.commands, sys; sys.exit(bool({slow}))"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0


def test_a_command_that_reads_does_not_wait_for_what_only_a_run_needs():
    slow = "sys.modules.keys() & {'dagster', 'great_expectations', 'pandas', 'apprise', 'scipy.stats'}"
    loaded = f"import emberline.cli.commands, emberline.status, sys; sys.exit(bool({slow}))"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0


def test_status_of_nothing_names_the_lake_and_shows_that_nothing_runs(emberline, tmp_path):
    done = emberline("status", "--json")
    assert done.exit_code == ExitCode.OK
    lake = str(tmp_path / ".emberline" / "lake")
    nothing = dict.fromkeys(
        (
            "kafka",
            "warehouse",
            "web",
            "slow_reader",
            "backlog",
            "records",
            "missing",
            "totals",
            "pulls",
            "published",
            "checks",
            "runs",
            "alerts",
            "group_alerts",
        )
    )
    dagster = dict.fromkeys(("code_server", "daemon", "web_server"), False)
    assert json.loads(done.stdout) == {**nothing, "lake": lake, "dagster": dagster}


def test_a_test_of_channels_names_who_took_it_and_who_did_not(emberline):
    gone = "json://127.0.0.1:9/"
    done = emberline("alerts", "test", "--json", EMBERLINE__ALERTS__TOPIC="", EMBERLINE__ALERTS__CHANNELS__OPS=gone)
    assert done.exit_code == ExitCode.FAILED
    assert "ops did not accept" in json.loads(done.stdout)["ops"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [("CHANNELS__KAFKA", "json://127.0.0.1/"), ("QUIET_HOURS", "at night"), ("GROUP_DYING", "loud")],
)
def test_a_wrong_setting_of_alerts_is_refused(emberline, variable, value):
    done = emberline("status", **{f"EMBERLINE__ALERTS__{variable}": value})
    assert done.exit_code == ExitCode.SETTINGS
    assert f"alerts.{variable.partition('__')[0].lower()}" in done.stderr


def test_an_unknown_setting_is_named(emberline, tmp_path):
    (tmp_path / "emberline.toml").write_text("[kafka]\nbootstrap_server = 'broker:9092'\n")
    done = emberline("status")
    assert done.exit_code == ExitCode.SETTINGS
    assert "kafka.bootstrap_server" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_misspelled_variable_is_named(emberline):
    done = emberline("status", EMBERLINE__KAFKAA__BOOTSTRAP_SERVERS="broker:9092")
    assert done.exit_code == ExitCode.SETTINGS
    assert "EMBERLINE__KAFKAA__BOOTSTRAP_SERVERS" in done.stderr


def test_replay_leads_to_the_list_of_every_carrier_there_is(emberline):
    assert "emberline carriers" in " ".join(emberline("replay", "--help").stdout.split())
    shown = emberline("carriers").stdout
    assert [name for name in CARRIERS if name not in shown] == []


def test_an_unknown_carrier_is_a_wrong_command_line(emberline):
    done = emberline("replay", "messages.jsonl", "--carrier", "pigeon")
    assert done.exit_code == ExitCode.USAGE
    assert "emberline carriers" in done.stderr


def test_a_broker_that_does_not_answer_is_an_error_with_a_next_step(emberline):
    done = emberline(
        "replay",
        "messages.jsonl",
        "--carrier",
        "cloudevents",
        EMBERLINE__KAFKA__BOOTSTRAP_SERVERS="127.0.0.1:1",
        EMBERLINE__KAFKA__OPTIONS='{"bootstrap_timeout_ms": 1000}',
    )
    assert done.exit_code == ExitCode.FAILED
    assert "127.0.0.1:1" in done.stderr
    assert "Next:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_file_is_named(emberline, kafka):
    done = emberline("replay", "gone.jsonl", "--carrier", "cloudevents", EMBERLINE__KAFKA__BOOTSTRAP_SERVERS=kafka)
    assert done.exit_code == ExitCode.FAILED
    assert "gone.jsonl" in done.stderr


def test_a_folder_of_somebody_else_is_left_alone(emberline, tmp_path):
    foreign = tmp_path / "photos"
    foreign.mkdir()
    (foreign / "cat.jpg").touch()
    done = emberline("demo", "--state", str(foreign))
    assert done.exit_code == ExitCode.ENGINE
    assert (foreign / "cat.jpg").exists()


def test_a_link_that_no_event_told_cannot_be_withdrawn(emberline):
    done = emberline("identity", "unlink", "app:ann", "shop:ann", "--reason", "two people")
    assert done.exit_code == ExitCode.FAILED
    assert "Next: They may be joined through other accounts" in done.stderr
    assert json.loads(emberline("identity", "rulings", "--json").stdout) == []


def test_a_back_test_without_history_says_what_is_missing(emberline):
    done = emberline("backtest")
    assert done.exit_code == ExitCode.FAILED
    assert "No group has 30 messages" in done.stderr
    assert "Next: Wait, or replay older messages" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("given", "kept"), [({}, "10000"), ({"_RJEM_MALLOC_CONF": "dirty_decay_ms:7"}, "7")])
def test_freed_memory_is_kept_for_the_next_batch_unless_the_user_says_otherwise(given: dict[str, str], kept: str):
    script = "import emberline.cli, os; print(os.environ['_RJEM_MALLOC_CONF'])"
    environment = {name: value for name, value in os.environ.items() if name != "_RJEM_MALLOC_CONF"} | given
    run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip().endswith(f"dirty_decay_ms:{kept}")


def test_an_event_in_quarantine_is_listed_with_who_and_why_and_put_back(emberline, tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    land(lake, records([encoded(message(id="wrong")), encoded(message(type="mesage.sent"))]))
    ingest(lake)
    at = {"EMBERLINE__LAKE__URI": lake.uri}
    added = emberline("quarantine", "add", "bridge", "wrong", "--reason", "a test order", "--actor", "ann", **at)
    assert (added.exit_code, added.stdout.split()[:2]) == (ExitCode.OK, ["Recorded.", "Next:"])
    ingest(lake)
    listed = json.loads(emberline("quarantine", "list", "--json", **at).stdout)
    [event], [record] = listed["events"], listed["records"]
    assert (event["event_id"], event["type"], event["actor"]) == ("wrong", "message.sent", "ann")
    assert (record["reason"], record["records"]) == ("unknown_kind", 1)
    shown = emberline("quarantine", "list", **at).stdout
    assert "a test order" in shown
    assert "unknown_kind" in shown
    assert emberline("quarantine", "remove", "bridge", "wrong", "--reason", "real", **at).exit_code == ExitCode.OK
    rulings = emberline("quarantine", "rulings", **at).stdout
    assert rulings.index("in quarantine") < rulings.index("restored")


def test_an_event_that_nobody_sent_cannot_be_put_in_quarantine(emberline, tmp_path):
    done = emberline(
        "quarantine", "add", "shop", "o-9", "--reason", "wrong", EMBERLINE__LAKE__URI=str(tmp_path / "lake")
    )
    assert done.exit_code == ExitCode.FAILED
    assert "NoSuchEvent" in done.stderr
    assert "--expected" in done.stderr
