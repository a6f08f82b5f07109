"""Large exports are read in bounded memory: a process of its own reads one and says the most that it had."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.readers_of_exports import whatsapp

_READ = """
import resource, sys
from pathlib import Path
from pipelines.carriers.readers import detect
from pipelines.carriers.readers.source import source_of
from tests.pipelines.carriers.readers.reading import OPTIONS
(found,) = detect(source_of(Path(sys.argv[1])))
n_payloads = sum(len(batch.values) for batch in found.reader.read(found.source, OPTIONS))
print(n_payloads, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
_MOST_MB = 700


def read(file: Path) -> tuple[int, int]:
    done = subprocess.run([sys.executable, "-c", _READ, str(file)], check=True, capture_output=True, text=True)
    n_payloads, megabytes = done.stdout.split()
    return int(n_payloads), int(megabytes)


@pytest.mark.soak
def test_a_json_export_of_200_megabytes_takes_no_more_memory_than_a_small_one(tmp_path):
    file = tmp_path / "result.json"
    with file.open("w") as out:
        out.write('{"name": "x", "type": "private_supergroup", "id": 1, "messages": [')
        for number in range(700_000):
            message = {
                "id": number, "type": "message", "date_unixtime": "1767222000", "from": "Ann", "from_id": "user1",
                "text": f"this is message {number} " + "x" * 180,
            }  # fmt: skip
            out.write((", " if number else "") + json.dumps(message))
        out.write("]}")
    assert file.stat().st_size > 200_000_000
    n_payloads, megabytes = read(file)
    assert (n_payloads, megabytes < _MOST_MB) == (700_000, True), megabytes


@pytest.mark.soak
def test_a_text_export_of_200_megabytes_takes_no_more_memory_than_a_small_one(tmp_path):
    file = tmp_path / "WhatsApp Chat with Tea.txt"
    with file.open("w") as out:
        out.writelines(whatsapp(2_700_000))
    assert file.stat().st_size > 200_000_000
    n_payloads, megabytes = read(file)
    assert (n_payloads, megabytes < _MOST_MB) == (2_700_000, True), megabytes
