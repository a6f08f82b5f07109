"""The report in a real browser: silent, offline, accessible, and sorted by a click."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from emberline.report.page import render
from emberline.report.words import LANGUAGES, Words
from tests.emberline.report.synthetic import contents

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

GROUPS = 100

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium on the PATH")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Chromium refuses its sandbox to root; the page is ours.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A report in each language."""
    folder = tmp_path_factory.mktemp("reports")
    written = {language: folder / f"{language}.html" for language in LANGUAGES}
    for language, file in written.items():
        file.write_text(render(contents(GROUPS), Words(language)), encoding="utf-8")
    return written


def opened(browser: Browser, file: Path, part: str = "", **options: Any) -> tuple[Page, list[str]]:
    """Open a file; returns the page and what it said on the console or asked for."""
    page = browser.new_context(**options).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: said.append(request.url))
    page.goto(f"{file.as_uri()}{part}")
    return page, said


@pytest.mark.parametrize(("language", "theme"), [("en", "dark"), ("zh", "light")])
def test_it_opens_without_a_message_a_request_or_a_barrier(
    browser: Browser, files: dict[str, Path], language: str, theme: Literal["light", "dark"]
):
    page, said = opened(browser, files[language], color_scheme=theme, bypass_csp=True)
    assert said == [files[language].as_uri()]
    found = Axe().run(page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in {"serious", "critical"}] == []


def test_a_heading_sorts_the_board_and_says_how(browser: Browser, files: dict[str, Path]):
    page, _ = opened(browser, files["en"])
    first = page.locator("#board tbody tr th").first
    assert first.text_content() == "Synthetic group 1"
    page.get_by_role("button", name="Sold, net").click()
    assert first.text_content() == f"Synthetic group {GROUPS}"
    page.get_by_role("button", name="Sold, net").press("Enter")
    assert first.text_content() == "Synthetic group 1"
    assert page.locator("#board th[aria-sort]").evaluate("head => head.ariaSort") == "ascending"


def test_the_board_shows_what_is_looked_for_and_counts_it(browser: Browser, files: dict[str, Path]):
    page, _ = opened(browser, files["en"])
    page.get_by_label("Find").fill("group 7")
    assert page.locator("#shown").text_content() == f"11 of {GROUPS} groups"
    page.locator("#state").select_option("dead")
    assert page.locator("#board tbody tr:visible").count() == 0


def test_a_link_of_the_board_opens_the_part_of_its_group(browser: Browser, files: dict[str, Path]):
    page, _ = opened(browser, files["en"])
    part = page.locator("#g5")
    assert not part.is_visible()
    page.get_by_role("link", name="Synthetic group 5", exact=True).click()
    part.wait_for(state="visible")
    assert "Alive since" in str(part.text_content())


def test_without_a_script_everything_is_there(browser: Browser, files: dict[str, Path]):
    page, _ = opened(browser, files["en"], java_script_enabled=False)
    assert page.locator("#board tbody tr").count() == GROUPS


def test_it_prints(browser: Browser, files: dict[str, Path]):
    page, _ = opened(browser, files["en"])
    page.emulate_media(media="print")
    assert not page.get_by_label("Find").is_visible()
    assert page.pdf().startswith(b"%PDF")
