"""`emberline up` and `down`, as an operator runs them."""

import datetime as dt
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, Request, build_opener

import psutil
import pytest

from emberline.embedded import StateFolder
from emberline.embedded.dagster import EmbeddedDagster
from emberline.services import Services
from emberline.settings import Settings
from emberline.simulator import Scenario, simulate
from emberline.status import condition
from pipelines.ingest.replay import produce

_FOLLOWED_WITHIN_S = 1800
"""It takes one minute; ten processes share the machine with whatever else is under way."""

_TICKED_WITHIN_S = 900
"""The clock strikes a minute at most, and a run takes some seconds."""


@pytest.fixture
def state() -> Iterator[Path]:
    # Not pytest's own temporary folder: that is closed to the user PostgreSQL runs as under root.
    with tempfile.TemporaryDirectory(prefix="emberline-up-", ignore_cleanup_errors=True) as root:
        Path(root).chmod(0o755)
        folder = Path(root) / "state"
        yield folder
        emberline(folder, "down")


def emberline(state: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "emberline", "--state", str(state), *arguments],
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def status(state: Path) -> dict:
    return json.loads(emberline(state, "status", "--json"))


def processes_of(state: Path) -> list[str]:
    """What runs and has the folder in its command line or environment: engines, code servers, runs."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(state) in word for word in words):
            found.append(" ".join(process.cmdline()))
    return found


def test_down_ends_the_process_of_runs_whose_daemon_died_before(tmp_path):
    state = StateFolder(tmp_path / "state")
    launcher, worker = socket.socketpair()
    where = [str(worker.fileno()), str(state.path / "dagster"), "a word"]
    with (
        launcher,
        worker,
        subprocess.Popen([sys.executable, "-m", "emberline.worker", *where], pass_fds=[worker.fileno()]) as process,
    ):
        try:
            while not psutil.Process(process.pid).cmdline():  # it shows none for an instant while it begins
                time.sleep(0.01)
            EmbeddedDagster(state).stop()
            process.wait(timeout=60)  # it was killed, and takes an instant to end; else it would wait for its launcher
        finally:
            process.kill()


def is_open(address: str) -> bool:
    place = urlsplit(address if "//" in address else f"//{address}")
    with socket.socket() as probe:
        return probe.connect_ex((place.hostname, place.port)) == 0


@pytest.mark.soak
def test_up_twice_beside_a_run_starts_each_engine_once_and_what_died_again_and_down_leaves_nothing_behind(state):
    with ThreadPoolExecutor() as at_once:
        commands = [("up", "--json"), ("run", "--json"), ("up", "--json")]
        before, ran, other = at_once.map(json.loads, at_once.map(lambda words: emberline(state, *words), commands))
    assert (before["web"], ran["success"]) == (other["web"], True)
    addresses = [before["kafka"], before["warehouse"], before["web"]]
    assert all(map(is_open, addresses))
    page = urlsplit(before["web"])
    assert page_of(f"http://{page.netloc}/server_info").status == 401
    assert page_of(f"http://{page.netloc}/server_info", link=before["web"]).status == 200
    assert page_of(f"http://{page.netloc}/server_info", link=before["web"], host="evil.example").status == 421
    assert status(state)["web"] == f"http://{page.netloc}"
    running = {record: record.read_text() for record in state.rglob("*.pid")}
    assert emberline(state, "up").startswith("Already up: nothing to start.\n")
    assert {record: record.read_text() for record in state.rglob("*.pid")} == running, "up started something twice"

    psutil.Process(int((state / "dagster" / "code_server.pid").read_text())).kill()
    assert "not running: code server. Next: emberline up" in emberline(state, "status")
    again = emberline(state, "up")
    assert "not running" not in again
    assert "already" not in again

    emberline(state, "down")
    emberline(state, "down")
    assert processes_of(state) == []
    assert not any(map(is_open, addresses))
    after = status(state)
    assert [after["kafka"], after["warehouse"], after["web"]] == [None, None, None]


@pytest.mark.soak
def test_in_a_state_folder_of_any_name_the_page_shows_what_the_command_line_and_the_schedule_ran(
    state: Path, kafka: str, database: str, topic: Callable[[], str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_DATA_HOME", str(state.parent / "data"))
    monkeypatch.setenv("EMBERLINE__KAFKA__BOOTSTRAP_SERVERS", kafka)
    monkeypatch.setenv("EMBERLINE__KAFKA__TOPICS", json.dumps({topic(): "cloudevents"}))
    monkeypatch.setenv("EMBERLINE__WAREHOUSE__URL", database)
    monkeypatch.setenv("EMBERLINE__ALERTS__TOPIC", "")
    monkeypatch.setenv("EMBERLINE__SCHEDULE__CRON", "* * * * *")
    odd = state / "état 数据 [1] #% *?"
    try:
        emberline(odd, "replay", "docs/samples/events.jsonl", "--carrier", "cloudevents")
        ran = json.loads(emberline(odd, "run", "--json"))
        assert [run["run_id"] for run in status(odd)["runs"]] == [ran["run_id"]]
        link = json.loads(emberline(odd, "up", "--json"))["web"]
        first = runs_shown(link)[ran["run_id"]]
        assert (first["status"], first["tags"]["user"]) == ("SUCCESS", "emberline run")
        deadline = time.monotonic() + _TICKED_WITHIN_S
        while not any(is_ended_tick(run) for run in runs_shown(link).values()):
            assert time.monotonic() < deadline, runs_shown(link)
            time.sleep(1)
    finally:
        emberline(odd, "down")
    assert processes_of(odd) == []
    StateFolder(odd).destroy()
    assert list((state.parent / "data" / "emberline").iterdir()) == []


def runs_shown(link: str) -> dict[str, Any]:
    """The runs that Dagster's page shows, by their ids."""
    query = urlencode({"query": "{runsOrError {... on Runs {results {runId status tags {key value}}}}}"})
    shown = json.load(page_of(f"{link.partition('?')[0]}graphql?{query}", link=link))
    runs = shown["data"]["runsOrError"]["results"]
    return {run["runId"]: run | {"tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in runs}


def is_ended_tick(run: dict[str, Any]) -> bool:
    return run["status"] == "SUCCESS" and run["tags"].get("dagster/schedule_name") == "pipeline_schedule"


def page_of(url: str, *, link: str | None = None, host: str | None = None) -> Any:
    """What a browser gets that opened the link before."""
    browser = build_opener(HTTPCookieProcessor())
    if link is not None:
        browser.open(link, timeout=30).close()
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    try:
        return browser.open(Request(url, headers={"Origin": origin, **({"Host": host} if host else {})}), timeout=30)
    except HTTPError as refusal:
        return refusal


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_up_follows_kafka_by_itself_and_down_ends_what_its_runs_started(state):
    emberline(state, "up")
    company = simulate(Scenario(seed=4, days=100, groups=8, members=120))
    services = Services(Settings(state=state))
    produce(services.kafka(), company.records)
    deadline = time.monotonic() + _FOLLOWED_WITHIN_S
    while (now := condition(services, dt.datetime.now(dt.UTC)))["published"] is None or now["backlog"]["records"]:
        assert time.monotonic() < deadline, now
        time.sleep(1)
    assert status(state)["published"]["version"] == now["published"]["version"]

    emberline(state, "down")
    assert processes_of(state) == []
