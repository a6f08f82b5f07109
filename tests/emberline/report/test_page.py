"""The report's page: whole by itself, safe from what people write, small."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from html.parser import HTMLParser

import polars as pl
import pytest

from emberline.report.board import DETAILED
from emberline.report.page import render
from emberline.report.words import LANGUAGES, Words
from pipelines.events.control_totals import COMPARED
from pipelines.events.sequences import MISSING
from pipelines.ingest.missing import by_sequence
from pipelines.ingest.short import Missing, short_by_owner
from tests.docs.pages import ROOT
from tests.emberline.report.synthetic import NOW, contents

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202e\x1b]0;x\x07"
MOST_BYTES = 2_000_000


class Page(HTMLParser):
    """The tags, the attributes and the texts of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def html() -> str:
    return render(contents(12, {3: HOSTILE}), Words("en"))


def test_nothing_is_asked_of_another_place(html: str):
    asks = {"src", "srcset", "data", "action", "poster", "background", "ping"}
    links = [str(attributes.get("href")) for _, attributes in Page(html).tags if "href" in attributes]
    assert [attributes for _, attributes in Page(html).tags if asks & attributes.keys()] == []
    assert [link for link in links if not link.startswith("#")] == []
    assert re.findall(r"url\((?!#)|@import", html) == []


def test_each_name_within_the_page_is_of_one_part(html: str):
    names = re.findall(r'\bid="([^"]+)"', html)
    assert sorted(names) == sorted(set(names))
    assert set(re.findall(r"url\(#([^)]+)\)", html)) <= set(names)


def test_a_date_in_a_text_stays_on_one_line_and_the_text_is_escaped():
    shown = contents(2)
    groups = shown.groups.with_columns(reason=pl.lit("<b>since 2026-02-03</b>"))
    html = render(replace(shown, groups=groups), Words("en"))
    assert '&lt;b&gt;since <span class="date">2026-02-03</span>&lt;/b&gt;' in html


def test_what_alerts_had_been_worth_is_shown_by_the_line_with_the_one_in_use():
    page = render(contents(2), Words("en"))
    assert "An alert is raised from a risk of 27.5% on." in page
    assert "<strong>27.5%</strong>" in page
    assert "this company has no alerts of its own yet" in page
    assert Words("en")("lines") not in render(replace(contents(2), lines=None), Words("en"))


def test_what_was_done_for_a_group_is_said_with_its_words_as_text():
    page = render(contents(1), Words("en"))
    assert "<li>2026-03-01: call, as noted; &lt;b&gt;rang&lt;/b&gt;</li>" in page
    assert "<li>2026-03-01: red packet</li>" in page
    assert "红包" in render(contents(1), Words("zh"))


def test_whom_to_talk_to_is_said_with_the_reasons_in_both_languages():
    assert f"<code>{'0' * 32}</code> wrote 5 of 9 messages" in render(contents(1), Words("en"))
    assert "28 天内写了 9 条消息中的 5 条，自 2026-02-01 起沉默；归因于该群的订单：2" in render(
        contents(1), Words("zh")
    )


def test_what_followed_is_shown_beside_the_untreated_and_never_as_a_cause():
    page = render(contents(7), Words("en"))
    assert "after: call; untreated 4 of 20. The difference may be chance.</p>" in page
    assert "after: offer; untreated 4 of 20.</p>" in page
    assert '<td>all</td><td class="n">20</td><td class="n">45%</td>' in page
    assert "A difference is no cause." in page
    assert "sold 1,234.56 CNY on average in the 28 days after: call (12 cases); untreated 200.00 CNY." in page
    assert '<td class="n">+1,034.56</td><td class="n">-40.00 to +2,109.12</td>' in page
    assert page.count("Groups like this") == 3 * sum(contents(7).groups["state"].is_in(["declining", "dying", "dead"]))
    empty = replace(contents(7), effects=contents(7).effects.clear())
    assert "Groups like this" not in render(empty, Words("en"))


def test_where_state_and_risk_differ_the_page_says_why():
    assert "State and risk differ: nothing has fallen" in render(contents(1), Words("en"))
    assert "状态与风险不一致: 目前没有低于平时" in render(contents(1), Words("zh"))


def test_a_hostile_name_is_text(html: str):
    tags = [tag for tag, _ in Page(html).tags]
    assert tags.count("script") == 1
    assert tags.count("img") == 0
    assert "\u202e" not in html
    assert "\x1b" not in html
    assert any("<script>alert(1)</script>" in text for text in Page(html).texts)


def test_a_hostile_step_of_a_funnel_is_text_in_the_plots_too():
    given = contents(1)
    steps = given.funnels.with_columns(step=pl.lit(HOSTILE))
    page = Page(render(replace(given, funnels=steps), Words("en")))
    assert [tag for tag, _ in page.tags if tag in {"img", "script"}] == ["script"]


def test_the_page_says_that_the_company_is_simulated_and_only_then():
    real = render(contents(1, is_synthetic=False), Words("en"))
    assert "no such company" not in real
    assert render(contents(1), Words("en")).count("no such company") == 2


def test_each_plot_has_a_label_and_a_table(html: str):
    tags = Page(html).tags
    plots = [attributes for tag, attributes in tags if tag == "svg"]
    assert all(attributes.get("role") == "img" and attributes.get("aria-label") for attributes in plots)
    figures = html.split("<figure>")[1:]
    assert len(figures) > 15
    assert [figure[:80] for figure in figures if "<table" not in figure] == []


def test_each_part_names_tables_that_are_in_the_reference(html: str):
    known = set(re.findall(r"^## (\S+)$", (ROOT / "docs" / "reference" / "warehouse.md").read_text(), re.MULTILINE))
    parts = re.findall(r'<section id="([^"]+)">(.*?)</section>', html, re.DOTALL)
    named = {name: set(re.findall(r"<code>((?:mart|ops)\.\w+)</code>", part)) for name, part in parts}
    assert [name for name, tables in named.items() if not tables] == []
    assert set.union(*named.values()) <= known


def test_links_lead_to_parts_that_are_there(html: str):
    tags = Page(html).tags
    ids = {attributes["id"] for _, attributes in tags if "id" in attributes}
    assert {str(attributes["href"])[1:] for tag, attributes in tags if tag == "a"} <= ids


def test_the_board_has_every_group_and_the_details_the_first_ones():
    page = Page(render(contents(DETAILED + 5), Words("en")))
    rows = [attributes for tag, attributes in page.tags if tag == "tr" and "data-state" in attributes]
    parts = [attributes for tag, attributes in page.tags if attributes.get("class") == "group"]
    assert (len(rows), len(parts)) == (DETAILED + 5, DETAILED)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_thousand_groups_stay_below_two_megabytes(language: str):
    assert len(render(contents(1000), Words(language)).encode()) < MOST_BYTES


def test_a_company_without_anything_yet_has_a_page():
    whole = contents(1)
    empty = {name: frame.clear() for name, frame in vars(whole).items() if isinstance(frame, pl.DataFrame)}
    publication = {**whole.publication, "complete_through": None}
    page = render(replace(whole, **empty, publication=publication, model=None), Words("en"))
    assert "No day is complete yet." in page
    assert "No order was paid yet." in page


def test_data_health_names_each_thing_that_stands_against_the_figures():
    given = contents(2)
    groups = given.groups.with_columns(
        unmeasured_since=pl.Series([dt.date(2026, 2, 1), None]),
        coverage=pl.Series(["mentions", "full"]),
        membership=pl.Series(["none", "joins_only"]),
    )
    restated = pl.DataFrame({"version": [3], "table_name": ["group_day"], "figures": [17]})
    alerts = given.alerts.with_columns(subject=pl.lit("feed"), reason=pl.lit("silent"), is_of_group=False)
    row = ("qq", "qq:1", "qq:1", 3, 10, 20, NOW, NOW)
    of_owner = ("wecom", "0a1b", NOW, 9, 2, ["wecom:a", "wecom:b"], 5, 4)
    missing = Missing(
        by_sequence(pl.DataFrame([row], schema=MISSING, orient="row")),
        short_by_owner(pl.DataFrame([of_owner], schema=COMPARED, orient="row")),
        not_comparable=6,
    )
    made_at = NOW + dt.timedelta(days=9)
    parts = {"groups": groups, "restated": restated, "alerts": alerts, "missing": missing}
    page = render(replace(given, **parts, made_at=made_at), Words("en"))
    assert "Things to know before you read on: 6." in page
    for said in (
        "1 of 2 groups are not measured",
        "1 groups are seen in part",
        "No source of 2 groups reports leaves",
        "joins and leaves are not reported",
        "joins are reported, leaves hardly ever",
        "17 published figures",
        "feed: silent",
        "qq:1: 3 missing, sent from 2026-03-02 09:30 to",
        "in the groups of 1 owners",
        "owner 0a1b: 4 messages missing in 2 groups, on 1 days from 2026-03-02 09:30 to 2026-03-03 09:30 UTC",
        "not all groups of the owner are known: 6.",
    ):
        assert said in "".join(Page(page).texts)
    assert "Days since then: 10." in page
