"""How fast records of Kafka become committed rows of `raw` and `events`, beside other readers of the same topics.

The others read, some also parse, and store nothing, so their rates are upper limits. emberline's time includes storing
the rows exactly once. Its clock starts when it connects, that of the others at the first record
(`benchmarks/peers.py`).
"""

from __future__ import annotations

import datetime as dt
import gc
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from kafka.structs import TopicPartition

from benchmarks.load import EVENTS, FLAT, PARTITIONS, send
from emberline.embedded import EmbeddedKafka, StateFolder
from emberline.embedded.kafka_login import LETS_EVERYBODY_IN
from pipelines.carriers import CARRIERS
from pipelines.events.decode import DecodeRules
from pipelines.events.pseudonym import Pseudonyms
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.intake import BatchLimits
from pipelines.ingest.kafka_to_events import ingest
from pipelines.ingest.raw import ingest_raw
from pipelines.lake import Lake

_POLL_MS: Final = 500
_PEER_SECONDS: Final = 600
_CLEAR_REFS: Final = Path("/proc/self/clear_refs")
_STATUS: Final = Path("/proc/self/status")
_PEERS: Final = Path(__file__).with_name("peers.py")


class Incomplete(RuntimeError):
    """A reader failed, or read another number of events than were sent, so that its time means nothing."""


@dataclass(frozen=True)
class Rates:
    """Values per second that a reader read of a topic, one number per round, and the peak memory of its process, MB."""

    topic: str
    reader: str
    rounds: tuple[float, ...]
    peak_mb: float

    @property
    def median(self) -> float:
        """The middle round."""
        return median(self.rounds)

    @property
    def is_ours(self) -> bool:
        """Whether the reader is emberline."""
        return self.reader.startswith("emberline")


def measure(values: int, rounds: int, peers: Sequence[str] | None, on_progress: Callable[[str], None]) -> list[Rates]:
    """Send synthetic values to a temporary broker, then read them with each reader in turn, `rounds` times.

    Each reader first reads once untimed, so that imports and compilation are not measured.

    Args:
        values: to send to each topic.
        rounds: measured rounds.
        peers: the command that runs a script with the packages of the peers; None leaves them out.
        on_progress: called with the step under way.

    Raises:
        Incomplete: a reader did not read every value.
    """
    with _broker(on_progress) as (kafka, folder):
        send(kafka, values, on_progress)
        readers = _readers(kafka, folder, values, peers)
        rates: dict[tuple[str, str], list[float]] = {names: [] for names in readers}
        peaks = dict.fromkeys(readers, 0.0)
        for number in range(rounds + 1):
            on_progress(f"round {number} of {rounds}" if number else "warming up")
            for (topic, name), read in readers.items():
                found, seconds, peak_mb = read()
                if found != values:
                    raise Incomplete(f"{name} read {found:,} of {values:,} values of {topic}.")
                if number:
                    rates[topic, name].append(values / seconds)
                    peaks[topic, name] = max(peaks[topic, name], peak_mb)
    return [Rates(*names, tuple(measured), peaks[names]) for names, measured in rates.items()]


Reading = partial[tuple[int, float, float]]
"""Reads a topic once; returns the number of values, seconds, and the peak memory of its process, MB."""


def _readers(
    kafka: KafkaConnection, folder: Path, values: int, peers: Sequence[str] | None
) -> dict[tuple[str, str], Reading]:
    """Return what reads a topic, by topic and reader."""

    def peer(name: str, topic: str) -> Reading:
        return partial(_peer, [*(peers or ()), str(_PEERS), name, kafka.bootstrap_servers, topic, str(values)])

    flat: dict[str, Reading] = {
        "confluent-kafka, bare consume": peer("confluent", FLAT),
        "confluent-kafka, bare consume, no queue backoff": peer("confluent-tuned", FLAT),
        "kafka-python, bare poll": partial(_timed, partial(_poll, kafka)),
        "emberline, Kafka to committed raw": partial(_timed, partial(_raw, kafka, folder)),
    }
    canonical: dict[str, Reading] = {
        "Quix Streams, parsed and dropped": peer("quix", EVENTS),
        "Bytewax as its guide has it, parsed and dropped": peer("bytewax", EVENTS),
        "Bytewax, orjson and larger batches": peer("bytewax-tuned", EVENTS),
        "emberline, Kafka to committed events": partial(_timed, partial(_events, kafka, folder)),
    }
    return {
        (topic, name): read
        for topic, of in ((FLAT, flat), (EVENTS, canonical))
        for name, read in of.items()
        if peers or read.func is _timed
    }


@contextmanager
def _broker(on_progress: Callable[[str], None]) -> Iterator[tuple[KafkaConnection, Path]]:
    """Run a broker in a temporary folder; yield both."""
    state = StateFolder(Path(tempfile.mkdtemp(prefix="emberline-benchmark-")))
    broker = EmbeddedKafka(state, properties=LETS_EVERYBODY_IN)  # also the clients of others
    try:
        yield KafkaConnection(broker.start(on_progress)), state.path
    finally:
        broker.stop()
        state.destroy()


def _timed(read: Callable[[], int]) -> tuple[int, float, float]:
    gc.collect()
    _forget_peak()
    began = time.perf_counter()
    found = read()
    return found, time.perf_counter() - began, _peak_mb()


def _forget_peak() -> None:
    """Let Linux count the peak memory of this process from now on."""
    if _CLEAR_REFS.exists():
        _CLEAR_REFS.write_text("5")


def _peak_mb() -> float:
    """Return the peak memory of this process since `_forget_peak`, MB; on other systems than Linux, since its start."""
    if not _STATUS.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    peak = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1024


def _peer(command: list[str]) -> tuple[int, float, float]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PEER_SECONDS, check=False)
    if done.returncode:
        raise Incomplete(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
    found, seconds, peak_mb = done.stdout.split()[-3:]
    return int(found), float(seconds), float(peak_mb)


def _poll(kafka: KafkaConnection) -> int:
    consumer = kafka.consumer()
    try:
        partitions = [TopicPartition(FLAT, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(partitions)
        read = 0
        while any((consumer.position(tp) or 0) < end for tp, end in ends.items()):
            read += sum(map(len, consumer.poll(timeout_ms=_POLL_MS).values()))
        return read
    finally:
        consumer.close(autocommit=False)


def _raw(kafka: KafkaConnection, folder: Path) -> int:
    with _lake(folder) as lake:
        return ingest_raw(kafka, lake, [FLAT], BatchLimits()).rows


def _events(kafka: KafkaConnection, folder: Path) -> int:
    rules = DecodeRules("Asia/Shanghai", dt.timedelta(days=10_000), Pseudonyms(b"a key of this benchmark"))
    with _lake(folder) as lake:
        return ingest(kafka, lake, {EVENTS: CARRIERS["cloudevents"]}, BatchLimits(), rules).events.events


@contextmanager
def _lake(folder: Path) -> Iterator[Lake]:
    """Yield a temporary lake."""
    try:
        yield Lake(str(folder / "lake"))
    finally:
        shutil.rmtree(folder / "lake", ignore_errors=True)
