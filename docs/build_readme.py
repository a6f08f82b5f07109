"""Writes the figures of the demo in README.md from a run of it, which takes a minute or two.

`--check FILE` runs nothing: it compares README.md with what `emberline demo` printed into FILE.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

README: Final = Path(__file__).parent.parent / "README.md"
_BLOCK: Final = re.compile(r"(?<=\*\*simulated\*\*:\n\n```text\n).*?(?=\n```)", re.DOTALL)
_SHOWN: Final = {"Funnel: ": 99, "Living groups": 4, "Dead": 1, "Sales by group": 2, "Alerts: ": 4}
"""How many rows of which tables README shows."""

_END: Final = re.compile(r"emberline demo --end (\S+?)`")
"""README says when the half year of its figures ends: weekdays fall otherwise in that of another day."""

_WIDEST: Final = 118


def main() -> None:
    """Write the figures, or compare them."""
    parser = argparse.ArgumentParser(description="Write the figures of the demo in README.md.")
    parser.add_argument("--check", type=Path, metavar="FILE", help="compare with this output of `emberline demo`")
    output = parser.parse_args().check
    readme = README.read_text(encoding="utf-8")
    figures = excerpt(output.read_text(encoding="utf-8") if output else demo(*_END.findall(readme)))
    built = _BLOCK.sub(lambda _block: figures, readme, count=1)
    if output is None:
        README.write_text(built, encoding="utf-8")
    elif built != readme:
        sys.exit(f"README.md shows other figures than the demo. Run `make readme`. The demo:\n\n{figures}")


def demo(end: str) -> str:
    """Run the demo in a folder that is removed, and return what it prints in a pipe."""
    emberline = [sys.executable, "-m", "emberline"]
    # Open to others: under root PostgreSQL runs as another user.
    with tempfile.TemporaryDirectory(prefix="emberline-readme-") as folder:
        Path(folder).chmod(0o755)
        state = str(Path(folder) / "state")
        try:
            command = [*emberline, "demo", "--end", end, "--state", state]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        finally:
            subprocess.run([*emberline, "--state", state, "down"], stdout=subprocess.DEVNULL, check=True)
    return done.stdout


def excerpt(shown: str) -> str:
    """Shorten the output of a demo to what README shows: what was read and changed, and the first rows of tables."""
    read, *parts = shown.strip().split("\n\n")
    # Examples of what was no event name times of the run.
    read = "\n".join(line for line in read.splitlines() if not line.startswith(" "))
    tables = [
        "\n".join(_cut(line) for line in part.splitlines()[: 2 + rows])
        for title, rows in _SHOWN.items()
        for part in parts
        if part.startswith(title)
    ]
    return "\n\n".join([read, *tables])


def _cut(line: str) -> str:
    """A line that fits; of reasons as many as there is room for."""
    if len(line) <= _WIDEST:
        return line
    kept = line[: _WIDEST - 2]
    return (kept[: kept.rindex(";") + 1] + " …") if ";" in kept else kept + "…"


if __name__ == "__main__":
    main()
