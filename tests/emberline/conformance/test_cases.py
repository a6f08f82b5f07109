"""A file of cases that is none is named, whatever stands in it."""

from pathlib import Path

import pytest

from emberline.conformance import read_cases
from emberline.conformance.cases import CasesError


@pytest.mark.parametrize(
    "content",
    [
        b"specversion: '1.0'",
        b"7",
        b"- 7",
        b"- {name: a, sample: telegram.json:x}",
        b"- {name: a, sample: missing.json}",
        b"- {name: a, sample: []}",
        b"- {name: a, nonsense: 1}",
        b"[" * 20_000,
        b"\xff",
        b"PAR1 and no more",
    ],
)
def test_what_is_no_list_of_cases_is_an_error_with_the_file(tmp_path: Path, content: bytes):
    (tmp_path / "telegram.json").write_bytes(b"[1, 2]")
    file = tmp_path / "cases.yaml"
    file.write_bytes(content)
    with pytest.raises(CasesError, match="cannot be read") as caught:
        read_cases(file, tmp_path)
    assert str(file) in str(caught.value)
