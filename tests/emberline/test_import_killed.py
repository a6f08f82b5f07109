"""An import whose process is killed again and again, and given again each time, loses nothing and goes on."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pipelines.carriers import CARRIERS
from pipelines.ingest.connection import KafkaConnection
from tests.pipelines.ingest.test_replay import arrived

MESSAGES = 60_000
KILLS = 5


def write_export(file: Path) -> None:
    """An export of one group with as many messages as take some seconds to send."""
    head = {"name": "Tea", "type": "private_supergroup", "id": 1234567890}
    said = {"type": "message", "from": "Ann", "from_id": "user2", "text": "hello"}
    messages = [
        {"id": number, "date": "2026-01-01T07:00:00", "date_unixtime": str(1767222000 + number), **said}
        for number in range(1, MESSAGES + 1)
    ]
    file.write_text(json.dumps({**head, "messages": messages}))


def reached(folder: Path) -> int:
    """How many payloads the import in this folder knows to be safe."""
    for file in (folder / ".emberline" / "imports").glob("*.json"):
        try:
            return int(json.loads(file.read_text())["payloads"])
        except (OSError, ValueError, KeyError):
            continue
    return 0


@pytest.mark.soak
def test_an_import_killed_at_random_and_given_again_is_whole(tmp_path: Path, kafka: str, topic: Callable[..., str]):
    name, chance = topic(), random.Random(19)
    write_export(tmp_path / "result.json")
    environment = {
        **os.environ,
        "EMBERLINE__KAFKA__BOOTSTRAP_SERVERS": kafka,
        "EMBERLINE__KAFKA__TOPICS": json.dumps({name: "telegram_export"}),
    }
    command = [sys.executable, "-m", "emberline", "import", "result.json", "--no-run", "--json"]

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)

    kills = 0
    for _ in range(KILLS):
        aim = reached(tmp_path) + chance.randrange(1, MESSAGES // (KILLS + 1))
        with start() as process:
            while process.poll() is None and reached(tmp_path) < aim:
                time.sleep(0.001)
            kills += process.poll() is None
            process.kill()
    assert kills >= 2
    before, there = reached(tmp_path), sent(kafka, name).height
    with start() as process:
        said, _ = process.communicate()
    assert process.returncode == 0
    assert json.loads(said)["exports"][0]["payloads"] == MESSAGES

    payloads = sent(kafka, name)
    assert before > 0
    assert payloads.height - there == MESSAGES - before
    events = CARRIERS["telegram_export"].decode_column(payloads["value"]).events
    assert events["event_id"].n_unique() == MESSAGES


def sent(kafka: str, topic: str) -> pl.DataFrame:
    """All payloads of a topic, also those that were sent again after a kill."""
    values = [value for *_, value in arrived(KafkaConnection(kafka), topic)]
    return pl.DataFrame({"value": values}, schema={"value": pl.Binary})
