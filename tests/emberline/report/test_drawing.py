"""Pictures that stand alone are small, well formed, and show names from outside as text."""

from __future__ import annotations

import base64
from xml.etree import ElementTree as ET

import dagster as dg
import pytest

from assets.tables import MOST_PLOT_BYTES, plotted
from emberline.report.drawing import bars, heat_map

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</text><script>alert(1)</script>&\"'"


def texts(svg: str) -> list[str | None]:
    return [one.text for one in ET.fromstring(svg).iter(f"{SVG}text")]


def test_bars_are_as_long_as_their_values_and_names_stay_text():
    svg = bars([(HOSTILE, 200, "200"), ("half", 100, "100"), ("none", 0, "0"), ("less", -5, "-5")], "Title")
    assert texts(svg) == ["Title", HOSTILE, "200", "half", "100", "none", "0", "less", "-5"]
    widths = [float(one.attrib["width"]) for one in ET.fromstring(svg).iter(f"{SVG}rect")]
    assert widths == [260, 130, 0, 0]


def test_a_heat_map_has_a_cell_for_each_share_that_is_known():
    svg = heat_map([("2026-01-05", [1.0, 0.5, None]), ("2026-01-12", [1.0, None, None])], HOSTILE)
    assert texts(svg)[0] == HOSTILE
    assert [float(one.attrib["opacity"]) for one in ET.fromstring(svg).iter(f"{SVG}rect")] == [1.0, 0.52, 1.0]


@pytest.mark.parametrize("rows", [[], [("a", 0, "0")]])
def test_a_plot_of_nothing_is_well_formed(rows: list[tuple[str, int, str]]):
    assert texts(bars(rows, "Title"))[0] == "Title"
    assert texts(heat_map([], "Title")) == ["Title"]


def test_a_plot_is_metadata_that_a_page_shows_and_a_large_one_is_none():
    svg = heat_map([(f"2026-01-{day:02}", [0.5] * 13) for day in range(1, 13)], "Retention")
    shown = plotted(svg)["plot"]
    assert isinstance(shown, dg.MarkdownMetadataValue)
    assert shown.value is not None
    head, data = shown.value.removesuffix(")").split("base64,")
    assert head == "![plot](data:image/svg+xml;"
    assert base64.b64decode(data).decode() == svg
    assert plotted("x" * (MOST_PLOT_BYTES + 1)) == plotted(None) == {}
