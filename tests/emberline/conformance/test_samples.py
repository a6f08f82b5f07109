"""Payloads are read from files as people have them, and what is none is an error that says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from emberline.conformance.mutations import mutated
from emberline.conformance.samples import SampleError, payloads

DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.json", b'[{"a": 1}, {"b": 2}]', [b'{"a":1}', b'{"b":2}']),
        ("a.json", b'{"a": 1}', [b'{"a": 1}']),
        ("a.jsonl", b'{"a": 1}\n\n{"b": 2}\n', [b'{"a": 1}', b'{"b": 2}']),
        ("a.xml", b"<xml/>", [b"<xml/>"]),
    ],
)
def test_a_file_holds_one_payload_or_several(tmp_path: Path, name: str, content: bytes, found: list[bytes]):
    (tmp_path / name).write_bytes(content)
    assert payloads(tmp_path / name) == found


@pytest.mark.parametrize(
    ("name", "content"), [("a.json", b""), ("a.json", b"[]"), ("a.jsonl", b"\n \n"), ("a.xml", b"\n"), ("null", b"")]
)
def test_a_file_without_a_payload_is_an_error(tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SampleError, match="holds no payload"):
        payloads(tmp_path / name)


@pytest.mark.parametrize("content", [b"{", b"\xff", DEEP], ids=["cut off", "no text", "too deep"])
def test_a_file_that_is_no_json_is_an_error(tmp_path: Path, content: bytes):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(SampleError, match="is no JSON"):
        payloads(tmp_path / "a.json")


def test_of_a_payload_too_deep_to_be_read_only_the_bytes_are_changed():
    assert list(mutated(DEEP)) == [DEEP[: len(DEEP) // 2], DEEP + b"}"]
