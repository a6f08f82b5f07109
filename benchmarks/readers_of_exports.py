"""Lines a second of the readers of text exports, and their memory: `python -m benchmarks.readers_of_exports`.

Written for each form: a file of constructed messages. A line of the result says lines a second of the clock and of the
processor, and the most memory the process had.
"""

from __future__ import annotations

import datetime as dt
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from pipelines.carriers.readers import ReadOptions, detect
from pipelines.carriers.readers.source import source_of
from pipelines.carriers.texts import Texts

_FIRST = dt.datetime(2026, 1, 1)
_OPTIONS = ReadOptions(Texts(b"a key of the benchmark"), ZoneInfo("Asia/Shanghai"))


def whatsapp(n_messages: int) -> Iterator[str]:
    """A line a message."""
    for number in range(n_messages):
        at = _FIRST + dt.timedelta(seconds=7 * number)
        yield f"{at:%d/%m/%y, %H:%M} - Person {number % 300}: hello, this is message number {number} of the group\n"


def qq(n_messages: int) -> Iterator[str]:
    """Three lines a message."""
    yield "消息记录\n\n消息对象:Tea lovers\n\n"
    for number in range(n_messages):
        at = _FIRST + dt.timedelta(seconds=7 * number)
        yield f"{at:%Y-%m-%d %H:%M:%S} Person {number % 300}({10_001 + number % 300})\nmessage {number} 你好\n\n"


def line(n_messages: int) -> Iterator[str]:
    """A line a message, and one a day."""
    yield "[LINE] Chat history in Tea lovers\nSaved on: 1/1/2026\n\n"
    day = None
    for number in range(n_messages):
        at = _FIRST + dt.timedelta(seconds=7 * number)
        if at.date() != day:
            day = at.date()
            yield f"{day:%Y/%m/%d}(金)\n"
        yield f"{at:%H:%M}\tPerson {number % 300}\thello, this is message number {number} of the group\n"


FORMS: tuple[Callable[[int], Iterator[str]], ...] = (whatsapp, qq, line)


def measured(form: Callable[[int], Iterator[str]], n_messages: int) -> str:
    """Write a file and read it; the line of the result."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "chat.txt"
        n_lines = 0
        with file.open("w", encoding="utf-8") as out:
            for text in form(n_messages):
                out.write(text)
                n_lines += text.count("\n")
        (found,) = detect(source_of(file))
        began, began_cpu = time.perf_counter(), time.process_time()
        n_payloads = sum(len(batch.values) for batch in found.reader.read(found.source, _OPTIONS))
        seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return (
        f"{found.reader.name:<14} {n_payloads:>9,} payloads {n_lines / seconds:>9,.0f} lines/s "
        f"{n_lines / cpu:>9,.0f} lines/s of a processor {peak:>6,} MB at most"
    )


if __name__ == "__main__":
    for one in FORMS:
        print(measured(one, int(sys.argv[1]) if len(sys.argv) > 1 else 500_000), flush=True)
