"""Kinds of messages in the local store of WeChat's client and in the tools that export it."""

from __future__ import annotations

from typing import Final

import polars as pl

GROUP: Final = "@chatroom"
"""Suffix of the id of every group."""

SELF_WORDS: Final = ("我", "I", "me")
SYSTEM_WORDS: Final = ("系统消息", "系统", "系统通知", "system")
UNKNOWN_WORDS: Final = ("未知", "unknown")

SYSTEM: Final = 10000
_APP: Final = 49
_QUOTE: Final = 57
_NUMBERS: Final = {1: "text", 3: "image", 34: "voice", 43: "video", 47: "image", SYSTEM: "system", 10002: "system"}
_OF_APPS: Final = {
    4: "link", 5: "link", 6: "file", 33: "link", 36: "link", 51: "link", 57: "text", 62: "system", 63: "link",
    92: "link", 2000: "red_packet", 2001: "red_packet", 2003: "red_packet",
}  # fmt: skip

_WORDS: Final = (
    ("系统|拍一拍|撤回|system", "system"),
    ("红包|转账|red.?packet|transfer", "red_packet"),
    ("视频号|小程序|链接|分享|直播|公告|link|share", "link"),
    ("文本|引用|回复|text|quote|reply", "text"),
    ("图片|表情|贴纸|image|sticker", "image"),
    ("语音|voice|audio", "voice"),
    ("视频|video", "video"),
    ("文件|file", "file"),
)


def kind_of(number: object, sub: object) -> str:
    """Return the kind of a message by the numbers of the client's store."""
    return _OF_APPS.get(_int(sub), "other") if _int(number) == _APP else _NUMBERS.get(_int(number), "other")


def has_text(number: object, sub: object) -> bool:
    """Whether the content is a person's text, not XML or a placeholder."""
    return _int(number) == 1 or (_int(number) == _APP and _int(sub) == _QUOTE)


def kinds_of_numbers(number: str, sub: str) -> pl.Expr:
    """Return the kind of a message by two columns of the store's numbers."""
    of_app = pl.col(sub).cast(pl.Int64, strict=False).replace_strict(_OF_APPS, default="other")
    kind = pl.col(number).cast(pl.Int64, strict=False).replace_strict(_NUMBERS, default="other")
    return pl.when(pl.col(number) == str(_APP)).then(of_app).otherwise(kind)


def kinds_of_words(column: str) -> pl.Expr:
    """Return the kind of a message by the word that a tool writes for it."""
    word = pl.col(column).str.to_lowercase()
    found = pl.lit("other")
    for pattern, kind in reversed(_WORDS):
        found = pl.when(word.str.contains(pattern)).then(pl.lit(kind)).otherwise(found)
    return found


def _int(value: object) -> int:
    return int(value) if isinstance(value, int | str) and str(value).isdigit() else -1
