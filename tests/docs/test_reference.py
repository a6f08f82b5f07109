"""The committed reference says what the code says."""

import re
import subprocess
import sys
from pkgutil import resolve_name

from schemas.lake import FACTS
from tests.docs.pages import ROOT


def test_the_reference_is_the_one_the_code_gives():
    script = str(ROOT / "docs" / "build_reference.py")
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_code_that_computes_each_fact_is_named_and_there():
    page = (ROOT / "docs" / "reference" / "lake.md").read_text()
    named = re.findall(r"computed by `(pipelines\.[\w.]+)`", page)
    assert len(named) == len(FACTS)
    for place in named:
        module, _, name = place.rpartition(".")
        assert callable(resolve_name(f"{module}:{name}"))


def test_the_code_that_computes_each_warehouse_table_is_named_and_there():
    page = (ROOT / "docs" / "reference" / "warehouse.md").read_text()
    parts = {part.splitlines()[0]: part for part in page.split("\n## ")[1:]}
    unnamed = [name for name, part in parts.items() if not re.search(r"^(Computed by|A view of) ", part, re.MULTILINE)]
    assert (len(parts) > 40, unnamed) == (True, [])
    for place in re.findall(r"^Computed by `(pipelines\.[\w.]+)`", page, re.MULTILINE):
        module, _, name = place.rpartition(".")
        assert callable(resolve_name(f"{module}:{name}"))
