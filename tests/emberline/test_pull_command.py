"""The command `pull`: what a person sees of it, and which settings it refuses."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emberline.cli.commands import app
from emberline.cli.errors import ExitCode
from emberline.services import Services
from emberline.settings import load_settings
from pipelines.ingest.connection import KafkaConnection
from tests.emberline.receiving import records
from tests.pipelines.carriers.pullers.served import ChatLabServer, said
from tests.pipelines.carriers.pullers.servers import TelegramServer
from tests.pipelines.ingest.pulling.serving import failing, serving

PREFIX = "EMBERLINE__PULL__"
PHONE = '[pull.phone]\npuller = "chatlab"\nurl = "{url}"\n'
SECRET = "s3cret"
WAITS_S = 120

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a settings file and variables of the environment for the rest of the test."""
    monkeypatch.setenv("EMBERLINE_SETTINGS", str(tmp_path / "emberline.toml"))
    monkeypatch.setenv("EMBERLINE__STATE", str(tmp_path / "state"))

    def write_to(text: str, **variables: str) -> None:
        (tmp_path / "emberline.toml").write_text(text)
        for name, value in variables.items():
            monkeypatch.setenv(PREFIX + name, value)

    return write_to


def run(*arguments: str):
    return CliRunner().invoke(app, ["pull", *arguments])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "There is no API to pull from"),
        ('[pull.x]\npuller = "nothing"\n', "is not a puller; known pullers: chatlab"),
        ('[pull.x]\npuller = "chatlab"\n', "pull.x has no url"),
        ('[pull.X]\npuller = "chatlab"\n', "a name has small letters"),
        (PHONE.format(url="http://example.com"), "url has no TLS"),
        (PHONE.format(url="https://u:p@example.com"), "has a secret"),
        (PHONE.format(url="ftp://example.com"), "is no address"),
        (PHONE.format(url="https://example.com?token=1"), "more than a host and a path"),
        (PHONE.format(url="https://example.com") + "secret = 's3cret'\n", "holds a secret: pull.phone.secret"),
        (PHONE.format(url="https://example.com") + "options = { secret = 's3cret' }\n", "holds a secret: secret"),
        (PHONE.format(url="https://example.com") + "options = { since = 'soon' }\n", "since that is not a day"),
        (PHONE.format(url="https://example.com") + "options = { nonsense = '1' }\n", "knows no 'nonsense'"),
        (PHONE.format(url="https://example.com") + "topic = 'raw.zulip'\n", "not a topic of the carrier chatlab"),
    ],
)
def test_settings_that_do_not_fit_are_named_without_a_secret(write, text, words):
    write(text)
    done = run()
    assert done.exit_code == ExitCode.SETTINGS
    assert words in " ".join(done.output.split())
    assert SECRET not in done.output


def test_a_name_that_is_no_pull_is_refused(write):
    write(PHONE.format(url="https://example.com"))
    done = run("phone", "other")
    assert done.exit_code == ExitCode.SETTINGS
    assert "There is no [pull.other]" in done.output


def test_it_shows_what_each_pull_brought_and_what_failed(write, kafka, capfd):
    topic = f"pull-{uuid.uuid4().hex[:12]}"
    server = ChatLabServer(
        {"g": [said("a", 100, "hello", platformMessageId="m1"), said("b", 101, "x")], "p": [said("c", 1, "private")]}
    )
    with serving(server) as phone, serving(server) as broken:
        write(
            f'[kafka]\nbootstrap_servers = "{kafka}"\n[kafka.topics]\n"{topic}" = "chatlab"\n'
            f'[ingest]\ngroup = "{topic}"\n'
            f"{PHONE.format(url=phone.url)}{PHONE.format(url=broken.url).replace('phone', 'broken')}",
            PHONE__SECRET=SECRET,
            BROKEN__SECRET=SECRET,
        )
        broken.faults.append(failing(401))
        done = run()
        assert done.exit_code == ExitCode.FAILED
        assert f"phone: 2 payloads sent to topic {topic}." in done.output
        assert "Skipped: private chats (1)" in done.output
        assert re.search(r"Next: .*run\n", done.output)
        assert "broken answers sessions with 401 (Unauthorized)" in done.output
        assert SECRET not in done.output
        assert phone.requests[0].headers["authorization"] == f"Bearer {SECRET}"
        again = json.loads(run("phone", "--json").stdout)
        assert again["phone"]["payloads"] == 2  # the overlap, once more
        shown = CliRunner().invoke(app, ["status"]).output
        assert "phone: succeeded" in shown
        assert "broken: failed" in shown
        examined = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
        assert {one["subject"]: one["health"] for one in examined if one["area"] == "pulls"} == {
            "phone": "ok",
            "broken": "warning",
        }


@pytest.mark.slow
def test_a_process_that_pulls_starts_once_is_killed_and_goes_on_where_it_was(write, kafka, tmp_path):
    topic = f"pull-{uuid.uuid4().hex[:12]}"
    server = TelegramServer(150)
    write(
        f'[kafka]\nbootstrap_servers = "{kafka}"\n[kafka.topics]\n"{topic}" = "telegram"\n'
        f'[ingest]\ngroup = "{topic}"\n[pull.bot]\npuller = "telegram"\ninterval_seconds = 1\nurl = "URL"\n',
        BOT__SECRET="1:bot",
    )
    with serving(server) as bot:
        file = tmp_path / "emberline.toml"
        file.write_text(file.read_text().replace("URL", bot.url))
        running = Services(load_settings()).puller()
        connection = KafkaConnection(kafka)

        def until_there_are(n: int) -> None:
            deadline = time.monotonic() + WAITS_S
            while len(records(connection, topic)) < n:
                assert time.monotonic() < deadline, (tmp_path / "state" / "puller.log").read_text()
                time.sleep(0.2)

        try:
            running.start()
            until_there_are(150)
            process = running.process()
            running.start()
            assert running.process() == process
            assert process is not None
            process.kill()
            process.wait(WAITS_S)
            server.more(20)
            running.start()
            until_there_are(170)
        finally:
            running.stop()
    numbers = [json.loads(value)["update_id"] for value in records(connection, topic)["value"]]
    assert sorted(numbers) == list(range(501, 671))
    log = (tmp_path / "state" / "puller.log").read_text()
    assert "1:bot" not in log
    assert [json.loads(line)["event"] for line in log.splitlines()][-1] == "stopped"
