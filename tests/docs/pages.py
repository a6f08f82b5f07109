"""The pages that people read: the README, its neighbours and everything below docs."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")})

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_SHELL = {"bash", "sh", "console"}


def name(page: Path) -> str:
    """The page as a test names it."""
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """The text without its code blocks."""
    return _FENCE.sub("", page.read_text())


def command_lines(page: Path, program: str) -> list[str]:
    """Commands that begin with a program: lines of shell blocks, continuations joined, and code in the running text."""
    shells = [block for language, block in _FENCE.findall(page.read_text()) if language in _SHELL]
    lines = [line.strip() for block in shells for line in block.replace("\\\n", " ").splitlines()]
    spans = _CODE.findall(prose(page))
    return [line for line in (*lines, *spans) if line.split(maxsplit=1)[:1] == [program]]
