"""Small pictures as hand-written SVG: sparklines of groups, the timeline of one group, bars and heat maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from markupsafe import Markup

_SPARK_WIDTH, _SPARK_HEIGHT = 104, 24

_WIDTH: Final = 720
_LEFT: Final = 44
_RIGHT: Final = 24
_BAND: Final = (0, 8)
_ACTIVITY: Final = (32, 104)
_MEMBERS: Final = (124, 152)
_SALES: Final = (172, 200)
_HEIGHT: Final = 218

_TITLE, _ROW, _NAMES, _BAR, _TEXTS, _CELL = 26, 20, 150, 260, 130, 26
"""Sizes of pictures that stand alone: title, row, column of names, longest bar, texts behind bars, cell."""


def sparkline(values: Sequence[int], label: str) -> Markup:
    """Draw values as a line from left to right, with the last one as a dot.

    Args:
        values: At least two, none below 0.
        label: Text for screen readers.
    """
    top = max(max(values), 1)
    step = (_SPARK_WIDTH - 4) / (len(values) - 1)
    points = [(2 + n * step, _SPARK_HEIGHT - 3 - (_SPARK_HEIGHT - 6) * value / top) for n, value in enumerate(values)]
    line = " ".join(f"{x:.0f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    return Markup(
        '<svg class="spark" viewBox="0 0 {} {}" role="img" aria-label="{}">'
        '<polyline points="{}"/><circle cx="{:.0f}" cy="{:.1f}" r="2"/></svg>'
    ).format(_SPARK_WIDTH, _SPARK_HEIGHT, label, line, x, y)


def timeline(
    weeks: Mapping[str, Sequence[int]],
    bands: Sequence[tuple[float, float, str]],
    marks: Sequence[float],
    starts: Sequence[str],
    label: str,
    titles: Sequence[str],
) -> Markup:
    """Draw what happened in a group by week.

    Args:
        weeks: By `speakers`, `joined`, `left` and `orders`: one number per week, oldest first.
        bands: States as spans: begin and end on the axis of weeks (0 to the number of weeks), and the state.
        marks: Where alerts were raised, on the same axis.
        starts: The first day of each week.
        label: Text for screen readers.
        titles: Names of the strips from top to bottom: activity, joins and leaves, orders.
    """
    count = len(starts)
    slot = (_WIDTH - _LEFT - _RIGHT) / count

    def at(place: float) -> float:
        return _LEFT + place * slot

    parts = [
        Markup('<rect class="s-{}" x="{:.1f}" y="{}" width="{:.1f}" height="{}"/>').format(
            state, at(first), _BAND[0], max(at(last) - at(first), 1), _BAND[1] - _BAND[0]
        )
        for first, last, state in bands
    ]
    parts += [Markup('<path class="mark" d="M{:.1f} 9l4 7h-8z"/>').format(at(place) + slot / 2) for place in marks]
    parts.append(_bars("bar", weeks["speakers"], _ACTIVITY, at, slot))
    middle = sum(_MEMBERS) / 2
    most = max(*weeks["joined"], *weeks["left"], 1)
    parts.append(_bars("up", weeks["joined"], (_MEMBERS[0], middle), at, slot, most))
    parts.append(_bars("down", weeks["left"], (_MEMBERS[1], middle), at, slot, most))
    parts.append(_bars("sold", weeks["orders"], _SALES, at, slot))
    for (tip, _), top in ((_ACTIVITY, max(weeks["speakers"])), (_MEMBERS, most), (_SALES, max(weeks["orders"]))):
        parts.append(Markup('<text x="{}" y="{}" class="end">{}</text>').format(_LEFT - 6, tip + 8, top))
    parts += [
        Markup('<text x="{}" y="{}">{}</text>').format(_LEFT, strip[0] - 5, title)
        for strip, title in zip((_ACTIVITY, _MEMBERS, _SALES), titles, strict=True)
    ]
    parts += [
        Markup('<text x="{:.1f}" y="{}">{}</text>').format(at(week), _HEIGHT - 4, starts[week][5:])
        for week in range(0, count, 5)
    ]
    return Markup('<svg class="timeline" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        _WIDTH, _HEIGHT, label, Markup("").join(parts)
    )


def _bars(
    kind: str,
    values: Sequence[int],
    strip: tuple[float, float],
    at: Callable[[float], float],
    slot: float,
    most: int | None = None,
) -> Markup:
    """Bars as one path, growing from the second height of the strip (`strip[1]`) towards the first."""
    tip, base = strip
    unit = (tip - base) / max(most or max(values), 1)
    bars = "".join(
        f"M{at(week) + 1:.1f} {base:g}v{value * unit:.1f}h{slot - 2:.1f}V{base:g}z"
        for week, value in enumerate(values)
        if value
    )
    return Markup('<path class="{}" d="{}"/>').format(kind, bars)


def bars(rows: Sequence[tuple[str, int, str]], label: str) -> Markup:
    """Draw one horizontal bar per row, as a picture that can be shown by itself.

    Args:
        rows: Name, value (a negative one has no bar), and the text behind the bar.
        label: The title.
    """
    top = max([1, *(value for _, value, _ in rows)])
    parts = [
        Markup('<text x="{}" y="{}" text-anchor="end">{}</text><rect x="{}" y="{}" width="{:.1f}" height="14"/>'
               '<text x="{:.1f}" y="{}">{}</text>').format(
            _NAMES - 8, y + 11, name, _NAMES, y, width, _NAMES + width + 6, y + 11, text
        )
        for name, y, width, text in (
            (name, _TITLE + number * _ROW, _BAR * max(value, 0) / top, text)
            for number, (name, value, text) in enumerate(rows)
        )
    ]  # fmt: skip
    return _standing_alone(_NAMES + _BAR + _TEXTS, len(rows), label, parts)


def heat_map(rows: Sequence[tuple[str, Sequence[float | None]]], label: str) -> Markup:
    """Draw one row of shares by period per cohort, as a picture that can be shown by itself; null has no cell.

    Args:
        rows: Name of the cohort, and its shares, 0 to 1.
        label: The title.
    """
    parts = []
    for number, (name, shares) in enumerate(rows):
        y = _TITLE + number * _ROW
        parts.append(Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(_NAMES - 8, y + 11, name))
        parts += [
            Markup('<rect x="{}" y="{}" opacity="{:.2f}"/>').format(_NAMES + place * _CELL, y - 2, 0.04 + 0.96 * share)
            for place, share in enumerate(shares)
            if share is not None
        ]
    widest = max((len(shares) for _, shares in rows), default=0)
    # Once for all cells: with a size of its own each, the picture is twice as large.
    return _standing_alone(_NAMES + widest * _CELL, len(rows), label, parts, "width:24px;height:18px")


def _standing_alone(width: int, n_rows: int, label: str, parts: Sequence[Markup], of_rects: str = "") -> Markup:
    # An image has none of the page's colours: these can be read on light and on dark.
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img">'
        "<style>text{{font:12px system-ui,sans-serif;fill:#7d8794}}rect{{fill:#3b7dd8;{2}}}</style>"
        '<text x="0" y="14">{3}</text>{4}</svg>'
    ).format(width, _TITLE + n_rows * _ROW, of_rects, label, Markup("").join(parts))
