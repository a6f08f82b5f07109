"""The pages that people read: the README, its neighbours and everything below docs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")})

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
SHELLS = {"bash", "sh", "console"}


class Block(NamedTuple):
    """A code block: its page, the line of its first fence, its language, what stands in it."""

    page: Path
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{name(self.page)}:{self.line}"


def name(page: Path) -> str:
    """The page as a test names it."""
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[Block]:
    """The code blocks of a page, in order."""
    text = page.read_text()
    return [Block(page, text.count("\n", 0, found.start()) + 1, *found.groups()) for found in _FENCE.finditer(text)]


def prose(page: Path) -> str:
    """The text without its code blocks."""
    return _FENCE.sub("", page.read_text())


def command_lines(page: Path, program: str) -> list[str]:
    """Commands that begin with a program: lines of shell blocks, continuations joined, and code in the running text."""
    shells = [block.code for block in blocks(page) if block.language in SHELLS]
    lines = [line.strip() for block in shells for line in block.replace("\\\n", " ").splitlines()]
    # In a table a pipe is escaped; what stands behind it is another program's.
    spans = [span.partition("|")[0].rstrip(" \\") for span in _CODE.findall(prose(page))]
    return [line for line in (*lines, *spans) if line.split(maxsplit=1)[:1] == [program]]
