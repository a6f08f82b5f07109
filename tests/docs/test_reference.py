"""The committed reference says what the code says."""

import subprocess
import sys

from tests.docs.pages import ROOT


def test_the_reference_is_the_one_the_code_gives():
    script = str(ROOT / "docs" / "build_reference.py")
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
