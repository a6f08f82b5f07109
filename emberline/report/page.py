"""The report's page: fills the parts into the template."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from emberline.report.board import board, counts, health, lines
from emberline.report.contents import WEEKS, Contents
from emberline.report.details import details
from emberline.report.followed import effects, sold_after
from emberline.report.sections import funnels, lifecycle, sales
from emberline.report.shares import cohorts
from emberline.report.words import Words

_DATE: Final = re.compile(r"(\d{4}-\d{2}-\d{2})")


def render(contents: Contents, words: Words) -> str:
    """Return one self-contained page of HTML: no requests, no fonts, and scripts only to sort and filter."""
    environment = Environment(
        loader=PackageLoader("emberline.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["dated"] = _dated
    script = _asset("report.js")
    return environment.get_template("report.html").render(
        w=words,
        br=Markup("<br>"),
        made_at=words.moment(contents.made_at),
        page=_page(contents, words),
        # Ours, and not data: escaped, they would be broken.
        style=Markup(_asset("report.css")),  # noqa: S704
        script=Markup(script),  # noqa: S704
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _page(contents: Contents, words: Words) -> dict[str, Any]:
    publication = contents.publication
    items = health(contents, words)
    detailed = details(contents, words)
    return {
        "version": publication["version"],
        "published": words.moment(publication["published_at"]),
        "zone": publication["zone"],
        "is_synthetic": publication["is_synthetic"],
        "weeks": WEEKS,
        "health": items,
        "concerns": sum(item["is_bad"] for item in items),
        "counts": counts(contents),
        "board": board(contents, words),
        "lines": lines(contents, words),
        "has_risks": contents.groups["risk_28"].is_not_null().any(),
        "effects": effects(contents, words),
        "sold_after": sold_after(contents, words),
        "funnels": funnels(contents, words),
        "details": detailed,
        "week_columns": [
            words(name) for name in ("week_from", "speakers", "messages", "staff_messages", "joined", "left", "orders")
        ],
        **cohorts(contents.cohorts),
        **lifecycle(contents, words),
        **sales(contents, words),
    }


def _dated(text: str) -> Markup:
    """Escape a text and keep each date in it on one line: browsers may break it after a hyphen."""
    date = Markup('<span class="date">{}</span>')
    # The odd parts of the split are what the pattern found.
    return Markup("").join(date.format(part) if at % 2 else part for at, part in enumerate(_DATE.split(text)))


def _asset(name: str) -> str:
    return (files("emberline.report") / "templates" / name).read_text(encoding="utf-8")
