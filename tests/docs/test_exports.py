"""The sample exports are what their script writes."""

import runpy
from pathlib import Path

from tests.docs.pages import ROOT

EXPORTS = ROOT / "docs" / "samples" / "exports"


def test_the_exports_are_what_their_script_writes(tmp_path: Path):
    runpy.run_path(str(EXPORTS / "write.py"))["write"](tmp_path)
    written = {file.relative_to(tmp_path): file.read_bytes() for file in tmp_path.rglob("*.*") if file.is_file()}
    kept = {file.relative_to(EXPORTS): file.read_bytes() for file in EXPORTS.rglob("*.*") if file.is_file()}
    assert {name: content for name, content in kept.items() if name.suffix != ".py"} == written
