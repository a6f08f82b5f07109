"""What numba is asked for without a public name still does what it is for."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from pipelines.compiled import compiled, inlined, lean

CHANGED = f"numba {numba.__version__} has changed its option _nrt: see pipelines/compiled.py, and measure it."
SOURCE = """
def first_column(rows):
    total = 0
    for row in rows:
        total += row[0]
    return total
"""


@pytest.mark.parametrize("how", [lean, inlined])
def test_no_references_are_counted_where_no_array_is_made(how: Any, tmp_path: Path):
    assert "NRT_decref" in code(compiled, tmp_path / "counted.py"), "the comparison is with code that counts them"
    assert "NRT_decref" not in code(how, tmp_path / "not_counted.py"), CHANGED


def code(how: Any, file: Path) -> str:
    """What is compiled of a file that nothing is kept of: of what comes from the cache numba shows no code."""
    file.write_text(SOURCE)
    spec: Any = importlib.util.spec_from_file_location(file.stem, file)
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function = how(module.first_column)
    assert function(np.arange(4).reshape(2, 2)) == 2
    return next(iter(function.inspect_llvm().values()))
