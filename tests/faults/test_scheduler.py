"""What asks for runs dies in mid tick or loses its memory: the position lies with the data."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from assets.resources import Clock
from emberline.services import Services
from emberline.settings import KafkaSettings, LakeSettings, PrivacySettings, Settings
from pipelines.ingest.connection import KafkaConnection
from pipelines.lake import Lake
from sensors.backlog import kafka_backlog_sensor
from tests.faults.invariant import assert_each_record_once, drain
from tests.pipelines.canonical import PSEUDONYMS

ASKED = "asked"

MakeTopic = Callable[..., str]
Send = Callable[..., None]


def services(kafka: str, topic: str, lake: str, state: Path) -> Services:
    return Services(
        Settings(
            state=state,
            kafka=KafkaSettings(bootstrap_servers=kafka, topics={topic: "cloudevents"}),
            lake=LakeSettings(uri=lake),
            # The key that `ingest` of the tests uses.
            privacy=PrivacySettings(key=PSEUDONYMS.key.decode()),  # type: ignore[arg-type]
        )
    )


def tick(place: Services, cursor: str | None = None) -> bool:
    """One tick a minute from now; True where it asks for a run."""
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance=instance, cursor=cursor) as context,
    ):
        decision = kafka_backlog_sensor(
            context, kafka=place.kafka(), lake=place.lake(), rules=place.rules(), clock=Clock(lambda: later)
        )
    return isinstance(decision, dg.RunRequest)


@pytest.fixture
def name(topic: MakeTopic, send: Send) -> str:
    name = topic()
    send(name, *[f"value {number}".encode() for number in range(5)])
    return name


def test_fault_26_a_daemon_is_killed_in_mid_tick(
    kafka: str, connection: KafkaConnection, lake: Lake, name: str, tmp_path: Path
):
    """It has decided to ask for a run, and nobody has heard of it."""
    state = tmp_path / "state"
    arguments = [kafka, name, lake.uri, str(state)]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.faults.test_scheduler", *arguments],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == f"{ASKED}\n"
        daemon.send_signal(signal.SIGKILL)
    place = services(kafka, name, lake.uri, state)
    assert tick(place)
    drain(connection, lake, name)
    assert not tick(place)
    assert_each_record_once(connection, lake, name)


@pytest.mark.parametrize("cursor", [None, "0", "1000000"], ids=["lost", "rewound", "far ahead"])
def test_fault_26_the_cursor_of_the_sensor_is_lost_or_rewound(
    kafka: str, connection: KafkaConnection, lake: Lake, name: str, tmp_path: Path, cursor: str | None
):
    place = services(kafka, name, lake.uri, tmp_path / "state")
    assert tick(place, cursor)
    for _ in range(2):  # asked for twice, as after a rewound cursor
        drain(connection, lake, name)
    assert not tick(place, cursor)
    assert_each_record_once(connection, lake, name)


if __name__ == "__main__":
    brokers, topic_name, uri, folder = sys.argv[1:]
    if tick(services(brokers, topic_name, uri, Path(folder))):
        print(ASKED, flush=True)
    sys.stdin.readline()
