"""A receiver as a process of its own, for tests."""

from __future__ import annotations

import hmac
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import polars as pl

from emberline.embedded.ports import LOOPBACK, kept_port
from pipelines.ingest.connection import KafkaConnection

READY_WITHIN_S = 120
SECRET = "a secret of the hub"


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Receiver:
    """A receiver that runs."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def base(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def status_of(self, path: str) -> int:
        try:
            with urlopen(self.base + path, timeout=30) as answer:
                return answer.status
        except HTTPError as error:
            return error.code
        except OSError:
            return 0

    def metrics(self) -> str:
        with urlopen(f"{self.base}/metrics", timeout=30) as answer:
            return answer.read().decode()

    def ask(self, path: str, body: bytes = b"", method: str = "POST", **headers: str) -> Answer:
        """Send a request; an underscore in the name of a header stands for a hyphen."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=60)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def post(self, body: bytes, path: str = "/hub", secret: str = SECRET, **headers: str) -> Answer:
        """Send a body as GitHub signs it."""
        return self.ask(path, body, X_Hub_Signature_256=signature(body, secret), **headers)

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while self.status_of("/readyz") != 200:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)


def signature(body: bytes, secret: str = SECRET) -> str:
    return f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}"


def settings(kafka: str, topic: str, port: int, more: str = "") -> str:
    return (
        f'state = "state"\n[kafka]\nbootstrap_servers = "{kafka}"\n[kafka.topics]\n"{topic}" = "cloudevents"\n'
        f'"{topic}-qq" = "onebot11"\n'
        f"[receive]\nport = {port}\n{more}\n"
        '[receive.routes.hub]\npath = "/hub"\ncarrier = "cloudevents"\nwire = "github"\n'
    )


@contextmanager
def receiver(folder: Path, kafka: str, topic: str, more: str = "", **environment: str) -> Iterator[Receiver]:
    """Run a receiver with a route `/hub` of GitHub's wire; `more` are other settings of `[receive]`."""
    port, log = kept_port(folder / "port"), folder / "receiver.log"
    (folder / "emberline.toml").write_text(settings(kafka, topic, port, more))
    ours = {key: value for key, value in os.environ.items() if not key.startswith("EMBERLINE")}
    given = {"EMBERLINE__RECEIVE__ROUTES__HUB__SECRET": SECRET, **environment}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "emberline", "receive"],
            cwd=folder,
            env={**ours, **given},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    found = Receiver(port, process, log)
    try:
        found.wait_until_ready()
        yield found
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(60)


def records(connection: KafkaConnection, topic: str) -> pl.DataFrame:
    """All records of a topic: key, value, headers, partition."""
    topics = connection.topics([topic])
    ends = connection.log_ends(topics)
    rows = []
    consumer = connection.consumer()
    try:
        consumer.assign(list(ends))
        for partition in ends:
            consumer.seek_to_beginning(partition)
        while any((consumer.position(partition) or 0) < end for partition, end in ends.items()):
            for batch in consumer.poll(timeout_ms=1000).values():
                rows += [(one.key, one.value, dict(one.headers), one.partition) for one in batch]
    finally:
        consumer.close()
    return pl.DataFrame(
        {
            "key": [row[0] for row in rows],
            "value": [row[1] for row in rows],
            "headers": pl.Series([row[2] for row in rows], dtype=pl.Object),
            "partition": [row[3] for row in rows],
        }
    )
