"""What README and docs point at is there: files, headings, commands, targets of make."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from emberline.cli.commands import app
from tests.docs.pages import PAGES, ROOT, command_lines, name, prose

LINK = re.compile(r"\]\(([^)\s]+)\)")
LINKS = [(page, link) for page in PAGES for link in LINK.findall(prose(page)) if "://" not in link]
ROOMS = ("schemas", "pipelines", "assets", "sensors", "emberline")
CITED = sorted(
    {
        anchor
        for room in ROOMS
        for module in (ROOT / room).rglob("*.*")
        if module.suffix in {".py", ".yaml"}
        for anchor in re.findall(r"docs/definitions\.md#([\w-]+)", module.read_text())
    }
)
COMMANDS = sorted({line for page in PAGES for line in command_lines(page, "emberline")})
MAKE_LINES = sorted({line for page in PAGES for line in command_lines(page, "make")})


@pytest.mark.parametrize(("page", "link"), LINKS, ids=[f"{name(page)}: {link}" for page, link in LINKS])
def test_a_link_leads_to_a_file_and_its_heading(page: Path, link: str):
    path, _, heading = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    assert target.exists()
    assert not heading or heading in _headings(target)


@pytest.mark.parametrize("anchor", CITED)
def test_a_definition_that_code_cites_is_a_heading_of_the_page(anchor: str):
    assert anchor in _headings(ROOT / "docs" / "definitions.md")


def test_code_cites_definitions_by_link_only():
    cited = re.compile(r"definitions, (section|trap)|\(sections? \d")
    modules = [module for room in ROOMS for module in (ROOT / room).rglob("*.py")]
    assert [str(module) for module in modules if cited.search(module.read_text())] == []


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_line_is_one_that_emberline_understands(line: str):
    words = shlex.split(line, comments=True)[1:]
    root: Any = typer.main.get_command(app)
    while words and words[0] == "--state":
        words = words[2:]
    if not words or words == ["--help"]:
        return
    command, *arguments = words
    assert command in root.commands
    root.commands[command].make_context(command, arguments, resilient_parsing="--help" in arguments)


@pytest.mark.parametrize("line", MAKE_LINES)
def test_a_make_line_names_targets_of_the_makefile(line: str):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {word for word in shlex.split(line, comments=True)[1:] if "=" not in word}
    assert named <= targets


def test_every_page_of_docs_is_reached_from_its_index():
    reached, ahead = set[Path](), [ROOT / "docs" / "index.md"]
    while ahead:
        page = ahead.pop()
        reached.add(page)
        linked = {
            (page.parent / link.partition("#")[0]).resolve() for link in LINK.findall(prose(page)) if "://" not in link
        }
        ahead += [target for target in linked if target.suffix == ".md" and target not in reached]
    assert {name(page) for page in (ROOT / "docs").rglob("*.md")} - {name(page) for page in reached} == set()


def _headings(page: Path) -> set[str]:
    """Anchors of the headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
