"""`python -m benchmarks.readers_of_exports [FORM...]`: how fast readers read an export, and in how much memory.

For each form, a file of constructed messages of so many megabytes is written, and read in its own process. Rates are
per second of CPU time.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from pipelines.carriers.readers import ReadOptions, detect
from pipelines.carriers.readers.source import source_of
from pipelines.carriers.texts import Texts

_FIRST = dt.datetime(2026, 1, 1)
_OPTIONS = ReadOptions(Texts(b"a key of the benchmark"), ZoneInfo("Asia/Shanghai"), date_order="dmy")


def whatsapp(n_messages: int) -> Iterator[str]:
    """One line per message."""
    for number in range(n_messages):
        at = _FIRST + dt.timedelta(seconds=7 * number)
        yield f"{at:%d/%m/%y, %H:%M} - Person {number % 300}: hello, this is message number {number} of the group\n"


def qq(n_messages: int) -> Iterator[str]:
    """Three lines per message."""
    yield "消息记录\n\n消息对象:Tea lovers\n\n"
    for number in range(n_messages):
        at = _FIRST + dt.timedelta(seconds=7 * number)
        yield f"{at:%Y-%m-%d %H:%M:%S} Person {number % 300}({10_001 + number % 300})\nmessage {number} 你好\n\n"


def line(n_messages: int) -> Iterator[str]:
    """One line per message, and one per day."""
    yield "[LINE] Chat history in Tea lovers\nSaved on: 1/1/2026\n\n"
    day = None
    for number in range(n_messages):
        at = _FIRST + dt.timedelta(seconds=7 * number)
        if at.date() != day:
            day = at.date()
            yield f"{day:%Y/%m/%d}(金)\n"
        yield f"{at:%H:%M}\tPerson {number % 300}\thello, this is message number {number} of the group\n"


def telegram(n_messages: int) -> Iterator[str]:
    """Telegram Desktop's JSON: a few lines a message."""
    yield '{"name": "Tea lovers", "type": "private_supergroup", "id": 1, "messages": [\n'
    for number in range(n_messages):
        at = _FIRST + dt.timedelta(seconds=7 * number)
        message = {
            "id": number,
            "type": "message",
            "date": f"{at:%Y-%m-%dT%H:%M:%S}",
            "date_unixtime": str(1_767_222_000 + 7 * number),
            "from": f"Person {number % 300}",
            "from_id": f"user{10_001 + number % 300}",
            "text": f"hello, this is message number {number} of the group",
            "text_entities": [{"type": "plain", "text": f"hello, this is message number {number} of the group"}],
        }
        yield ("," if number else "") + json.dumps(message, indent=1) + "\n"
    yield "]}\n"


def chatlab(n_messages: int) -> Iterator[str]:
    """ChatLab's JSON lines: one line per message."""
    yield '{"_type":"header","chatlab":{"version":"0.0.2"},"meta":{"name":"Tea","platform":"qq","type":"group"}}\n'
    for number in range(n_messages):
        yield (
            f'{{"_type":"message","sender":"{10_001 + number % 300}","accountName":"Person {number % 300}",'
            f'"timestamp":{1_767_222_000 + 7 * number},"type":0,"content":"message {number} 你好"}}\n'
        )


FORMS: Final[dict[str, Callable[[int], Iterator[str]]]] = {
    form.__name__: form for form in (whatsapp, qq, line, telegram, chatlab)
}


@dataclass(frozen=True)
class Read:
    """Result of reading a file."""

    reader: str
    n_payloads: int
    seconds: float
    processor_seconds: float
    peak_mb: int


def write(file: Path, form: str, megabytes: float) -> tuple[int, int]:
    """Write an export of about so many megabytes; return its lines and bytes."""
    some = sum(len(text.encode()) for text in FORMS[form](1_000)) / 1_000
    n_lines = 0
    with file.open("w", encoding="utf-8") as out:
        for text in FORMS[form](int(megabytes * 1e6 / some)):
            n_lines += text.count("\n")
            out.write(text)
    return n_lines, file.stat().st_size


def read(file: Path) -> Read:
    """Read an export; peak memory is that of this process so far."""
    (found,) = detect(source_of(file))
    began, began_cpu = time.perf_counter(), time.process_time()
    n_payloads = sum(len(batch.values) for batch in found.reader.read(found.source, _OPTIONS))
    seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return Read(found.reader.name, n_payloads, seconds, cpu, peak)


def main() -> None:
    """Measure with the options of the command line, and print a table."""
    options = _options()
    title = f"{options.megabytes:,.0f} MB a file, {os.cpu_count()} CPUs"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for heading in ("Reader", "Payloads", "Lines", "Payloads/s", "Lines/s", "MB/s", "Lines/s of a CPU", "Peak MB"):
        table.add_column(heading, justify="left" if heading == "Reader" else "right")
    with tempfile.TemporaryDirectory(prefix="emberline-exports-") as folder:
        for form in options.forms or FORMS:
            file = Path(folder) / f"{form}.{'jsonl' if form == 'chatlab' else 'json' if form == 'telegram' else 'txt'}"
            n_lines, n_bytes = write(file, form, options.megabytes)
            # In a process of its own, so that the most memory is that of this reader.
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                done = pool.apply(read, (file,))
            file.unlink()
            numbers = (done.n_payloads, n_lines, done.n_payloads / done.seconds, n_lines / done.seconds)
            more = (n_bytes / done.seconds / 1e6, n_lines / done.processor_seconds, done.peak_mb)
            table.add_row(done.reader, *(f"{number:,.0f}" for number in (*numbers, *more)))
    Console().print(table)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.readers_of_exports", description="Speed and memory of readers of exports."
    )
    parser.add_argument("forms", nargs="*", metavar="FORM", help=", ".join(FORMS))
    parser.add_argument("--megabytes", type=float, default=50, help="of a file (default: 50)")
    options = parser.parse_args()
    if unknown := [form for form in options.forms if form not in FORMS]:
        parser.error(f"there is no form {unknown[0]!r}: {', '.join(FORMS)}")
    return options


if __name__ == "__main__":
    main()
