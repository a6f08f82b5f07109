"""What runs read and wrote reaches a collector once it answers, all of it, over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import dagster as dg
import msgspec
import pytest
import sqlalchemy as sa

from emberline.definitions import build_defs
from emberline.settings import SettingsError, load_settings
from pipelines.lake import Lake
from pipelines.operations.open_lineage import Collector, Places
from schemas.warehouse import DATA_TABLES
from sensors.lineage import lineage_sensor
from tests.sensors.conftest import Place

TOKEN = "a token of the collector's"


class Server(HTTPServer):
    """A collector that keeps what it takes, and answers with `status`."""

    status = 201

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.taken: list[Any] = []


class Taking(BaseHTTPRequestHandler):
    """Takes what is sent to the path of OpenLineage's API, with the token."""

    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = server.status
        if self.path != "/api/v1/lineage" or self.headers["Authorization"] != f"Bearer {TOKEN}":
            status = 401
        if status == 201:
            server.taken.append(msgspec.json.decode(body))
        self.send_response(status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Ticks:
    """The ticks of the sensor, one after the other."""

    def __init__(self, instance: dg.DagsterInstance, server: Server, *, token: str | None = TOKEN) -> None:
        places = Places(Lake("/lake"), sa.make_url("postgresql://host/database"), "host:9092", ["topic"])
        url = f"http://127.0.0.1:{server.server_port}"
        self._collector, self._instance, self._cursor = Collector(url, "emberline", places, token), instance, None

    def __call__(self) -> str:
        with dg.build_sensor_context(self._instance, cursor=self._cursor) as context:
            result: Any = lineage_sensor(context, collector=self._collector)
        self._cursor = result.cursor
        return result.skip_reason.skip_message


@dg.asset(name="raw")
def something() -> None:
    """A table that takes no time."""


@dg.asset(name="events")
def broken() -> None:
    """A table that cannot be made."""
    raise ValueError("broken")


def test_runs_are_sent_once_and_those_a_collector_did_not_take_are_sent_again(server: Server):
    with dg.DagsterInstance.ephemeral() as instance:
        tick = Ticks(instance, server)
        assert tick() == "No run has ended."
        dg.materialize([something], instance=instance)
        dg.materialize([broken], instance=instance, raise_on_error=False)
        server.status = 503
        assert "503" in tick()
        server.status = 201
        assert tick() == "Sent 2 runs in 5 events."
        assert tick() == "No run has ended."
    assert [event["eventType"] for event in server.taken] == ["START", "COMPLETE", "COMPLETE", "START", "FAIL"]


@pytest.mark.parametrize("token", [None, "wrong"])
def test_a_collector_that_refuses_the_token_gets_nothing_and_the_tick_says_so(server: Server, token: str | None):
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([something], instance=instance)
        told = Ticks(instance, server, token=token)()
    assert "401" in told
    assert "wrong" not in told
    assert server.taken == []


def test_a_collector_that_is_gone_holds_nothing_up(server: Server):
    server.server_close()
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([something], instance=instance)
        assert "not accepted" in Ticks(instance, server)()


@pytest.mark.slow
def test_of_a_run_of_the_whole_pipeline_every_table_is_sent_with_its_check(begun: Place, server: Server):
    begun.say(6)
    begun.run()
    assert Ticks(begun.instance, server)().startswith("Sent 1 runs")
    outputs = {event["outputs"][0]["name"] for event in server.taken if event.get("outputs")}
    assert {"/lake/raw", "/lake/person_day", "database.mart.group_day"} <= outputs
    checked = [event for event in server.taken if event["job"]["name"].endswith(": expectations")]
    assert {event["inputs"][0]["name"] for event in checked} <= {f"database.mart.{t.name}" for t in DATA_TABLES}
    assert checked


def test_the_sensor_is_there_only_where_a_collector_is_named():
    assert "lineage_sensor" not in {sensor.name for sensor in build_defs().sensors or []}
    assert "lineage_sensor" in {sensor.name for sensor in build_defs(sends_lineage=True).sensors or []}


@pytest.mark.parametrize(
    ("url", "told"), [("marquez:5000", "is not a URL of a collector"), ("http://me:secret@host", "has a password")]
)
def test_what_is_no_url_of_a_collector_is_refused_without_repeating_it(
    monkeypatch: pytest.MonkeyPatch, url: str, told: str
):
    monkeypatch.setenv("EMBERLINE__LINEAGE__URL", url)
    with pytest.raises(SettingsError, match=rf"lineage\.url: {told}") as refused:
        load_settings()
    assert "secret" not in str(refused.value)
