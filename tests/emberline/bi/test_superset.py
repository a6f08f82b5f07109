"""The dashboards in a real Superset, on the demo's warehouse, in a real browser."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect, sync_playwright

from emberline.bi import bundle as written
from emberline.bi.superset import USER, EmbeddedSuperset
from emberline.bi.superset_api import SupersetApi
from emberline.embedded import EmbeddedPostgres, StateFolder
from emberline.embedded.postgres_roles import READER
from schemas.dashboard import Dashboard
from schemas.dashboards import DASHBOARDS
from schemas.metrics import METRICS
from tests.emberline.report.test_in_a_browser import PROGRAM

DRAWN_WITHIN_MS = 120_000
MAY_BE_EMPTY = {"Highest risk of death within 28 days, by day", "Which figures changed after they were final"}

pytestmark = pytest.mark.soak


@dataclass
class Started:
    url: str
    password: str
    warehouse: sa.URL


@pytest.fixture(scope="module")
def superset(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """Superset over the demo's warehouse; the first time on a machine it is installed."""
    state = tmp_path_factory.mktemp("demo") / "state"
    emberline = [sys.executable, "-m", "emberline"]
    try:
        subprocess.run([*emberline, "demo", "--state", str(state)], check=True, capture_output=True, timeout=1200)
        up = [*emberline, "--state", str(state), "bi", "up"]
        said = subprocess.run(up, check=True, capture_output=True, text=True, timeout=1800).stdout
        folder = StateFolder(Path(state))
        url = EmbeddedSuperset(folder).address()
        assert url is not None
        assert all(f"{url}/superset/dashboard/{dashboard.slug}/" in said for dashboard in DASHBOARDS)
        password = EmbeddedSuperset(folder).password
        assert password not in said
        yield Started(url, password, sa.make_url(EmbeddedPostgres(folder).url(READER)))
    finally:
        for words in (["bi", "down"], ["down"]):
            subprocess.run([*emberline, "--state", str(state), *words], check=False, capture_output=True, timeout=300)


@pytest.fixture(scope="module")
def page(superset: Started) -> Iterator[Page]:
    if PROGRAM is None:
        pytest.skip("no Chromium on the PATH")
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM, args=options)
        page = browser.new_page(viewport={"width": 1400, "height": 3000})
        page.set_default_timeout(DRAWN_WITHIN_MS)
        # What is filled in before the form is ready is lost.
        page.goto(f"{superset.url}/login/", wait_until="networkidle")
        page.fill("#username", USER)
        page.fill("#password", superset.password)
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("/superset/welcome"))
        yield page
        browser.close()


def test_every_chart_has_rows(superset: Started):
    with SupersetApi(superset.url, USER, superset.password) as api:
        charts = api.charts()
        assert charts.keys() == {chart.title for dashboard in DASHBOARDS for chart in dashboard.charts}
        empty = {title for title, number in charts.items() if not api.data(number)}
    assert empty <= MAY_BE_EMPTY


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.slug)
def test_a_page_shows_all_its_charts_and_no_error(superset: Started, page: Page, dashboard: Dashboard):
    page.goto(f"{superset.url}/superset/dashboard/{dashboard.slug}/")
    expect(page.locator(".dashboard-component-chart-holder")).to_have_count(
        len(dashboard.charts), timeout=DRAWN_WITHIN_MS
    )
    drawn = page.locator(".slice_container .chart-container, .slice_container")
    expect(drawn).to_have_count(len(dashboard.charts), timeout=DRAWN_WITHIN_MS)
    expect(page.locator(".loading")).to_have_count(0, timeout=DRAWN_WITHIN_MS)
    for title in (chart.title for chart in dashboard.charts):
        expect(page.get_by_text(title, exact=True).first).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_text("No data", exact=True)).to_have_count(0)
    expect(
        page.get_by_text(re.compile("unexpected error|Data error|no longer available", re.IGNORECASE))
    ).to_have_count(0)
    assert page.get_by_text("No results were returned for this query").count() <= len(
        MAY_BE_EMPTY & {chart.title for chart in dashboard.charts}
    )


def test_a_changed_bundle_replaces_charts_and_metrics(superset: Started, monkeypatch: pytest.MonkeyPatch):
    groups = next(dashboard for dashboard in DASHBOARDS if dashboard.slug == "emberline-groups")
    counted = next(chart for chart in groups.charts if chart.metrics == ("groups",) and chart.kind == "number")
    changed = replace(counted, metrics=("groups_in_danger",))
    rows = tuple(tuple(changed if chart == counted else chart for chart in row) for row in groups.rows)
    pages = tuple(replace(groups, rows=rows) if dashboard == groups else dashboard for dashboard in DASHBOARDS)
    doubled = replace(METRICS["groups_in_danger"], meaning="another meaning")
    with SupersetApi(superset.url, USER, superset.password) as api:
        number = api.charts()[counted.title]
        (before,) = api.data(number)
        with monkeypatch.context() as patched:
            patched.setattr(written, "DASHBOARDS", pages)
            patched.setattr(written, "METRICS", METRICS | {"groups_in_danger": doubled})
            api.import_bundle(written.bundle(superset.warehouse), superset.warehouse.password)
        assert api.charts()[counted.title] == number
        (after,) = api.data(number)
        assert (list(before), list(after)) == (["groups"], ["groups_in_danger"])
        assert "another meaning" in api.meaning("group_state", "groups_in_danger")
        api.import_bundle(written.bundle(superset.warehouse), superset.warehouse.password)
        assert api.data(number) == [before]
