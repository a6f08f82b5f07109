"""Every sample is known by one reader, its own; what is no export is known by none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipelines.carriers.readers import detect, readers
from pipelines.carriers.readers.registry import UnknownExport
from pipelines.carriers.readers.source import source_of
from tests.pipelines.carriers.readers.reading import SAMPLES

ROOT = Path(__file__).parents[4]
KINDS = sorted(path.name for path in SAMPLES.iterdir() if path.is_dir() and path.name in readers())
EXPORTS = sorted(path for kind in KINDS for path in (SAMPLES / kind).iterdir())


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_sample_is_known_by_its_own_reader_alone_and_says_why(path):
    source = source_of(path)
    claims = {name: sniffed for name, reader in readers().items() if (sniffed := reader.sniff(source)) is not None}
    assert list(claims) == [path.parent.name]
    assert all(claims[path.parent.name].reasons)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\n", b"{", b"[]", b"{}", b'{"messages": []}', b'{"type": "message"}', b"a,b\n1,2\n", b"\x00\x01\x02",
        b"\xff\xfe", b"Dear all,\n\n2026-01-01 7:00:00 we met.\n", b'{"chats": []}', b"%PDF-1.7",
        json.dumps({"name": "x", "version": "1.0.0", "dependencies": {}}).encode(),
    ],
)  # fmt: skip
def test_what_is_no_export_is_known_by_nobody(tmp_path, content):
    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(UnknownExport, match=r"No reader knows .*file"):
        detect(source_of(file))


@pytest.mark.parametrize("name", ["docs/samples/events.jsonl", "README.md", "uv.lock", "pyproject.toml"])
def test_files_of_this_project_are_no_exports(name):
    with pytest.raises(UnknownExport):
        detect(source_of(ROOT / name))


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_reader_fails_on_the_beginning_of_an_export(path, tmp_path):
    if path.is_dir():
        return
    content = path.read_bytes()
    for length in {0, 1, 2, 3, 7, len(content) // 3, len(content) // 2, len(content) - 1}:
        file = tmp_path / f"{length}"
        file.write_bytes(content[:length])
        for reader in readers().values():
            reader.sniff(source_of(file))


def test_a_reader_has_a_name_of_its_own_a_title_and_a_carrier():
    for name, reader in readers().items():
        assert (reader.name, bool(reader.title), bool(reader.carrier)) == (name, True, True)
