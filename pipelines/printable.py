"""Escape external text for display: control characters and invisible characters become escapes.

Names, ids and texts are external input. A terminal executes control characters in them; bidirectional and invisible
characters make a text look like another. Only the display is changed, never the data.

Some invisible characters belong to names and stay. ZWJ (emoji, Indic scripts) and ZWNJ (Persian, Indic scripts) stay
between two visible characters beyond ASCII; elsewhere they only hide a difference. Tags stay in the flags of regions,
variation selectors everywhere. A backslash is not escaped, so that paths stay readable: what is exact is JSON.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

LONGEST_NAME: Final = 80
"""Most characters of a name that are displayed; the platforms allow 20 to 128."""

_CUT: Final = "…"

_UNSEEN: Final = (
    r"\x00-\x1f\x7f-\x9f"  # control characters
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e"  # invisible ones of scripts
    r"\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"  # invisible, separating or turning
    r"\ud800-\udfff"  # halves of a pair: what is left of bytes that are no UTF-8
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
_BESIDE_JOINER: Final = r"[^\s\x21-\x7e\u200c\u200d" + _UNSEEN + "]"
_FLAG: Final = r"\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
_UNPRINTABLE: Final = re.compile(
    rf"{_FLAG}|[{_UNSEEN}]|[\u200c\u200d](?!{_BESIDE_JOINER})|(?<!{_BESIDE_JOINER})[\u200c\u200d]"
)
_SHORT: Final = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def printable(text: str, longest: int | None = None) -> str:
    """Show a text on one line, with an escape for each character that is not visible as itself.

    Args:
        text: Any text.
        longest: Most characters; a longer text ends in an ellipsis. None: no limit.

    Returns:
        A text without control or invisible characters. A text that has none is unchanged.
    """
    shown = _UNPRINTABLE.sub(_escaped, text)
    return shown if longest is None or len(shown) <= longest else shown[: longest - 1] + _CUT


def printable_lines(text: str) -> str:
    """Show a text of several lines, each as `printable` does; a tab becomes spaces."""
    return "\n".join(map(printable, text.expandtabs().split("\n")))


def printable_name(name: str) -> str:
    """Show a name as `printable` does, cut to `LONGEST_NAME`."""
    return printable(name, LONGEST_NAME)


def escape_json(document: str) -> str:
    r"""Write the characters that `printable` escapes as `\uXXXX`; the values of the document stay the same.

    Args:
        document: JSON as `json.dumps` writes it: outside of strings, newlines are the only such characters.
    """
    return _UNPRINTABLE.sub(_escaped_in_json, document)


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    if len(character) > 1:  # a flag
        return character
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _escaped_in_json(found: re.Match[str]) -> str:
    if found[0] == "\n":
        return "\n"
    halves = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{halves[at : at + 2].hex()}" for at in range(0, len(halves), 2))


def plain_number(amount: Decimal) -> int | float:
    """Convert an amount to a number of JSON: an integer if it is whole."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Format a count with its noun: `1 record`, `1,024 records`. The plural ends in s if none is given."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
