"""`python -m benchmarks.receive`: webhooks through the receiver into Kafka, at a steady rate.

The receiver, the embedded broker and the load are three processes that share the cores of the machine. Each delivery is
a signed canonical event of 300 bytes, and is answered once all replicas have it. Latency is measured from the time at
which the delivery was due.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from emberline.embedded import EmbeddedKafka, StateFolder
from emberline.embedded.ports import LOOPBACK, kept_port
from pipelines.ingest.connection import KafkaConnection

_SECRET = "benchmark"  # noqa: S105
_TOPIC = "group.messages"
_READY_WITHIN_S = 120


def main() -> None:
    """Run the receiver under load, and print a table."""
    options = _options()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="emberline-receive-") as folder:
        state = StateFolder(Path(folder) / "state")
        kafka = EmbeddedKafka(state)
        try:
            connection = KafkaConnection(kafka.start(), kafka.client_options)
            with receiving(Path(folder), state) as (url, process):
                _load(url, options, seconds=3)
                before, cpu = os.getloadavg()[0], process.cpu_times()
                found = _load(url, options, seconds=options.seconds)
                after = process.cpu_times()
            found["cpu"] = (after.user + after.system - cpu.user - cpu.system) / options.seconds
            there = sum(connection.log_ends(connection.topics([_TOPIC])).values())
        finally:
            kafka.stop()
    table = Table(title=f"{options.rate:,} a second for {options.seconds} s on {os.cpu_count()} cores")
    for name in ("statuses", "p50", "p95", "p99", "most", "receiver", "load average before, after"):
        table.add_column(name)
    table.add_row(
        json.dumps(found["statuses"]),
        *(f"{found[name] * 1000:.1f} ms" for name in ("p50", "p95", "p99", "most")),
        f"{found['cpu']:.0%} of a core",
        f"{before:.1f}, {os.getloadavg()[0]:.1f}",
    )
    console.print(table)
    console.print(f"In Kafka: {there:,} records, of the warm-up too.")


@contextmanager
def receiving(folder: Path, state: StateFolder) -> Iterator[tuple[str, psutil.Process]]:
    """Run a receiver with one route; yield its URL and process."""
    port = kept_port(folder / "receiver.port")
    (folder / "emberline.toml").write_text(
        f'state = "{state.path}"\n[receive]\nport = {port}\n[receive.routes.hub]\npath = "/hub"\n'
        'carrier = "cloudevents"\nwire = "github"\nper_second = 100000\n'
    )
    environment = {**os.environ, "EMBERLINE__RECEIVE__ROUTES__HUB__SECRET": _SECRET}
    with subprocess.Popen([sys.executable, "-m", "emberline", "receive"], cwd=folder, env=environment) as process:
        try:
            deadline = time.monotonic() + _READY_WITHIN_S
            while not _is_ready(f"http://{LOOPBACK}:{port}/readyz"):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("The receiver did not come up.")
                time.sleep(0.1)
            yield f"http://{LOOPBACK}:{port}/hub", psutil.Process(process.pid)
        finally:
            process.terminate()


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - loopback
            return answer.status == 200
    except OSError:
        return False


def _load(url: str, options: argparse.Namespace, seconds: float) -> dict:
    words = ["--rate", str(options.rate), "--seconds", str(seconds), "--connections", str(options.connections)]
    command = [sys.executable, "-m", "benchmarks.webhooks", url, "--secret", _SECRET, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.receive", description="Webhooks into Kafka.")
    parser.add_argument("--rate", type=int, default=2000, help="deliveries a second")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--connections", type=int, default=64)
    return parser.parse_args()


if __name__ == "__main__":
    main()
