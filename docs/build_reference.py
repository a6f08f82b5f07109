"""Writes `docs/reference` from the code; with `--check` it writes nothing and fails where a page is outdated."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from reference_pages import pages

FOLDER = Path(__file__).parent / "reference"


def main() -> None:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description="Write docs/reference from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a page is outdated")
    only_check = parser.parse_args().check
    built = pages()
    stored = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.iterdir()}
    outdated = sorted(name for name in built.keys() | stored.keys() if built.get(name) != stored.get(name))
    if only_check:
        sys.exit(f"Outdated in docs/reference: {', '.join(outdated)}. Run `make docs`." if outdated else 0)
    for name in outdated:
        if name in built:
            (FOLDER / name).write_text(built[name], encoding="utf-8")
        else:
            (FOLDER / name).unlink()


if __name__ == "__main__":
    main()
