"""Whatever strangers name things, every command shows it as text: on a terminal, in a pipe, and in JSON."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import subprocess
import sys
import termios
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient
from typer.testing import CliRunner

from emberline.cli.commands import app
from emberline.embedded import EmbeddedPostgres
from emberline.services import Services
from emberline.settings import load_settings
from pipelines.alerts.watch import evaluate_rules
from pipelines.printable import printable, printable_lines
from tests.conftest import database_of
from tests.emberline import cli_driver
from tests.pipelines.canonical import NOON, Event, encoded, link, message

pytestmark = pytest.mark.slow

NAMES = [json.loads(line) for line in Path(__file__).with_name("hostile_names.txt").read_text("utf-8").splitlines()[1:]]
ESC = "\x1b]0;owned\x07\x1b[2J\u202e[/red]:smile:"
"""What a stranger puts into everything else that he may choose."""

SETTINGS = "emberline.toml"
_OF_TERMINALS = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
ANN = f"app:ann {ESC}"
DAY = dt.timedelta(days=1)
DIED_AFTER = 28
RICH_DOES = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[2K|\x1b\[\d*A|\x1b\[1G|\r")
"""Sequences with which rich styles a text and draws progress; none is in a name."""

STRANGE_FILE = "[red]\u202e\x1b]0;owned\x07:smile:.jsonl"
COMMANDS: dict[str, tuple[int, list[str]]] = {
    "replay": (0, ["replay", STRANGE_FILE, "--carrier", "cloudevents"]),
    "run": (0, ["run"]),
    "run again": (0, ["run"]),
    "funnel": (0, ["funnel"]),
    "groups": (0, ["groups"]),
    "status": (0, ["status"]),
    "alerts list": (0, ["alerts", "list", "--all"]),
    "alerts ack": (0, ["alerts", "ack", "1", "--actor", ESC, "--note", ESC]),
    "alerts snooze": (0, ["alerts", "snooze", "2", "--for", "2w"]),
    "alerts verdict": (0, ["alerts", "verdict", "2", "noise", "--actor", ESC, "--note", ESC]),
    "alerts list with notes": (0, ["alerts", "list"]),
    "note": (0, ["note", f"app:0 {ESC}", ESC, "--kind", "other", "--by", ANN]),
    "note on no group": (2, ["note", ESC, ESC, "--kind", "other"]),
    "alerts test": (6, ["alerts", "test"]),
    "identity links": (0, ["identity", "links", ANN]),
    "identity unlink": (0, ["identity", "unlink", ANN, "--reason", ESC, "--actor", ESC]),
    "identity unlink none": (6, ["identity", "unlink", ANN, f"app:{ESC}", "--reason", ESC, "--actor", ESC]),
    "identity relink": (0, ["identity", "relink", ANN, "--reason", ESC, "--actor", ESC]),
    "identity rulings": (0, ["identity", "rulings"]),
    "no account": (6, ["identity", "links", "nobody \x1b[2J\u202e"]),
    "funnel as JSON": (0, ["funnel", "--json"]),
    "groups as JSON": (0, ["groups", "--json"]),
    "alerts as JSON": (0, ["alerts", "list", "--all", "--json"]),
    "rulings as JSON": (0, ["identity", "rulings", "--json"]),
    "status as JSON": (0, ["status", "--json"]),
    "no history": (6, ["backtest"]),
    "no such file": (6, ["replay", f"{ESC}.jsonl", "--carrier", "cloudevents"]),
    "no such carrier": (2, ["replay", "x", "--carrier", ESC]),
    "no such option": (2, ["status", f"--{ESC}"]),
    "no such command": (2, [ESC]),
    "not a number": (2, ["alerts", "ack", ESC]),
}


@dataclass(frozen=True)
class Shown:
    """What one command printed, and how it ended."""

    code: int
    stdout: str
    stderr: str


def told() -> Iterator[Event]:
    """A group of every name talks for a day, then all are silent and measured until they have died."""
    for number, name in enumerate(NAMES):
        group = f"app:{number} {ESC}"
        data = {"name": name, "purpose": f"sales {ESC}"}
        yield message(
            data | {"member_id": ..., "message_id": ...}, id=f"g{number}", type="group.created", subject=group
        )
        for each, member in enumerate(("ann", "ben", "eve", "ann")):
            time = (NOON + dt.timedelta(minutes=each)).isoformat()
            said = {"member_id": f"app:{member} {ESC}", "message_id": f"{number} {each}"}
            yield message(said, id=f"m{number} {each} {ESC}", time=time, subject=group)
    for source, last in (("bridge", DIED_AFTER + 2), (f"feed {ESC}", DIED_AFTER)):
        for day in range(last + 1):
            time = (NOON + day * DAY).isoformat()
            nothing = {"member_id": ..., "message_id": ...}
            beat = message(nothing, id=f"beat {day}", source=source, type="feed.heartbeat", time=time, subject=...)
            yield beat
    yield link(ANN, f"shop:{ESC}", id="link")
    yield message({"name": "nul\x00", "member_id": ..., "message_id": ...}, id="nul", type="group.created")
    yield message(id=f"wrong {ESC}", type=f"kind {ESC}")


@pytest.fixture(scope="module")
def folder(
    kafka: str,
    kafka_admin: KafkaAdminClient,
    postgres: EmbeddedPostgres,
    prepared_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Path]:
    """A folder with settings, and an export in a file of a strange name."""
    folder = tmp_path_factory.mktemp("hostile")
    topic = f"hostile-{uuid.uuid4().hex}"
    (folder / STRANGE_FILE).write_bytes(b"\n".join(map(encoded, told())))
    with database_of(postgres, prepared_template) as database:
        (folder / SETTINGS).write_text(
            f"""
            state = {json.dumps(str(folder / "state"))}
            kafka = {{ bootstrap_servers = "{kafka}", topics = {{ {topic} = "cloudevents" }} }}
            warehouse = {{ url = "{database}" }}
            ingest = {{ max_bad_share = 1.0 }}
            alerts = {{ topic = "", channels = {{ ops = "json://127.0.0.1:9/" }} }}
            """
        )
        yield folder
    kafka_admin.delete_topics([topic])


@pytest.fixture(scope="module", params=["terminal", "pipe"])
def shown(request: pytest.FixtureRequest, folder: Path) -> dict[str, Shown]:
    """What every command showed on a terminal or in a pipe."""
    call = {"terminal": _on_a_terminal, "pipe": _in_a_pipe}[request.param]
    first = [name for name in COMMANDS if name in ("replay", "run", "run again")]
    found = call(folder, first)
    _alert(folder)
    return found | call(folder, [name for name in COMMANDS if name not in first])


def _alert(folder: Path) -> None:
    """Evaluate the rules as if it were the day after the groups died."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("EMBERLINE_SETTINGS", str(folder / SETTINGS))
        services = Services(load_settings())
        now = NOON + (DIED_AFTER + 2.5) * DAY
        evaluate_rules(services.warehouse(), services.lake(), services.alerting(), now, read_up=True)


def _in_a_pipe(folder: Path, names: list[str]) -> dict[str, Shown]:
    """In this process: on a terminal the commands have one of their own, and to import everything takes seconds."""
    shown: dict[str, Shown] = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        for name in names:
            done = CliRunner().invoke(app, COMMANDS[name][1], env=dict.fromkeys(_OF_TERMINALS))
            shown[name] = Shown(done.exit_code, done.stdout, done.stderr)
    return shown


def _on_a_terminal(folder: Path, names: list[str]) -> dict[str, Shown]:
    leader, follower = os.openpty()
    termios.tcsetwinsize(follower, (40, 100))
    read = bytearray()
    reader = threading.Thread(target=_read_all, args=(leader, read))
    reader.start()
    try:
        subprocess.run(
            _driver(folder, names), cwd=folder, env=_environment(), stdin=follower, stdout=follower, stderr=follower,
            check=True,
        )  # fmt: skip
    finally:
        os.close(follower)
        reader.join()
        os.close(leader)
    # Both streams are one here, and each announces a command: the parts between two announcements are empty.
    parts = re.split(rb"@@\d+@@\s+@@\d+@@", bytes(read))[1:]
    return _as_shown(folder, names, ((part.decode(), "") for part in parts))


def _read_all(leader: int, read: bytearray) -> None:
    # Linux ends the reading of a terminal that nobody holds any more with an error.
    with suppress(OSError):
        while chunk := os.read(leader, 4096):
            read += chunk


def _driver(folder: Path, names: list[str]) -> list[str]:
    (folder / "commands.json").write_text(json.dumps([COMMANDS[name][1] for name in names]))
    return [sys.executable, cli_driver.__file__, "commands.json"]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _OF_TERMINALS}
    return kept | {"TERM": "xterm-256color"}


def _as_shown(folder: Path, names: list[str], outputs: Iterable[tuple[str, str]]) -> dict[str, Shown]:
    codes = json.loads((folder / "commands.codes").read_text())
    return {name: Shown(code, *output) for name, code, output in zip(names, codes, outputs, strict=True)}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_ends_as_it_would_with_friendly_names(shown: dict[str, Shown], command: str):
    assert shown[command].code == COMMANDS[command][0], shown[command]
    assert "Traceback" not in shown[command].stdout + shown[command].stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_prints_what_a_terminal_obeys_or_a_reader_does_not_see(shown: dict[str, Shown], command: str):
    output = shown[command].stdout + shown[command].stderr
    assert ESC not in output
    assert not [name for name in NAMES if name != printable(name) and name in output]
    rest = RICH_DOES.sub("", output)
    assert printable_lines(rest) == rest


def test_the_groups_that_are_shown_have_their_names_as_text(shown: dict[str, Shown]):
    """By the beginning of the first word: on a terminal the rest of a name may be wrapped."""
    groups = json.loads(shown["groups as JSON"].stdout)["groups"]
    names = [printable(group["name"] if group["name"].strip() else group["group_id"]) for group in groups[:10]]
    missing = [name for name in names if name.split()[0][:9] not in shown["groups"].stdout]
    assert missing == []


def test_json_keeps_every_name_exactly(shown: dict[str, Shown]):
    groups = json.loads(shown["groups as JSON"].stdout)["groups"]
    assert {group["name"] for group in groups} >= set(NAMES)
    assert {group["purpose"] for group in groups if group["purpose"]} == {f"sales {ESC}"}


def test_what_needs_somebody_was_among_what_was_shown(shown: dict[str, Shown]):
    alerts = json.loads(shown["alerts as JSON"].stdout)["alerts"]
    assert {alert["rule"] for alert in alerts} == {"group_dead", "stale_feed"}
    # The commands run once a way of showing, over one company.
    assert [{(action["action"], action["note"]) for action in alert["actions"]} for alert in alerts[:2]] == [
        {("acknowledged", ESC)}, {("snoozed", None), ("noise", ESC)},
    ]  # fmt: skip
    assert "noise" in shown["alerts list with notes"].stdout
    assert {ruling["reason"] for ruling in json.loads(shown["rulings as JSON"].stdout)} == {ESC}
