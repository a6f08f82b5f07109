"""Values for arguments and settings: what people mean to give, and what they give by mistake or on purpose."""

from __future__ import annotations

import json
from random import Random
from typing import Final

SECRET: Final = "hush-hush"
"""The password of every drawn URL; no output may show it."""

TEXTS: Final = (
    "", " ", "-", "--", "x", "a" * 5_000, "é数据 [1] #%", "😀:smile:", "[/red] closing", "[red]x[/red]", "%s %d {} {0}",
    "'; DROP TABLE mart.publication; --", "$(touch here)", "line\nbreak", "tab\tstop", "\x1b]0;title\x07\x1b[2J",
    "\x7f", "\u202eevil\u202c", "\udcff\udcfe", "null", "true", "NaN", "inf", "{}", "[]", "{", '{"a": 1}', '["a", 1]',
    ":", "a:", ":b", "a:b:c", "*", "**/*", "[", "\\", "app:ann", "shop:ann",
)  # fmt: skip

NUMBERS: Final = (
    "0", "1", "-1", "2", "7", "1.5", "-0.0", "1e999", "nan", "-inf", "0x10", "1_000", "١٢", "2147483647", "2147483648",
    "999999999", "1000000000", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1" + "0" * 30,
    "1" * 5_000,
)  # fmt: skip

EXPORTS: Final = (
    "telegram.json", "qq.txt", "chatlab.jsonl", "cut.json", "cut.zip", "nested.zip", "cut.sqlite", "wide.txt",
    "names.csv", "swollen.zip", "marked.json", "[red]\x1b[2J.csv", "secret.json", "nowhere",
)  # fmt: skip

PATHS: Final = (
    "one.jsonl", "broken.jsonl", "empty.jsonl", "mark.jsonl", "long.jsonl", "broken.parquet", "empty.parquet", "folder",
    "missing", "missing/deeper/still", "one.jsonl/below", "loop", "loop/below", "état 数据 [1] #%", "own", "n" * 300,
    "d/" * 2_100 + "x", ".", "..", "/", "/dev/null", "/proc/none", "~", "~nobody-of-that-name/x", "folder/*.yaml", "*",
    *EXPORTS, "carrier.yaml", "cases.yaml", "wild.yaml", "deep.json", "broken.yaml", "binary.yaml", "line\nbreak",
    "\udcff", "%2e%2e", "s p a c e",
)  # fmt: skip

URLS: Final = (
    f"postgresql+psycopg://user:{SECRET}@127.0.0.1:1/emberline", f"postgresql://user:{SECRET}@127.0.0.1:1/x",
    f"postgresql+psycopg2://user:{SECRET}@127.0.0.1:1/x", f"mysql://user:{SECRET}@127.0.0.1/x", "no url", "sqlite://",
    f"postgresql+psycopg://user:{SECRET}@127.0.0.1:port/x", f"postgresql+psycopg://user:{SECRET}@127.0.0.1:99999/x",
    "postgresql+psycopg://127.0.0.1:1/x?nonsense=1", "postgresql+psycopg://127.0.0.1:1/x?connect_timeout=soon",
    "postgresql+psycopg://[::1/x", "http://[::1", "127.0.0.1:1", "127.0.0.1:1,127.0.0.1:2", "127.0.0.1", ",", ":1",
    "127.0.0.1:99999", "127.0.0.1:port", "[::1]:1", "json://127.0.0.1:9/", "jsons://", "file:///", "file://folder",
    "nonsense://x", "memory://", "wecombot://x",
)  # fmt: skip

STRUCTURES: Final = (
    {}, [], [""], ["x", "x"], ["x", 1], [None], {"": ""}, {"x": "y"}, {"x": 1}, {"x": None}, {"x": {"y": 1}}, {"x": []},
    {"group.messages": "cloudevents"}, {"no topic!": "zulip"}, {"": "zulip"}, {"t" * 300: "zulip"},
    {"sales": {"declining_enter": 0.5}}, {"sales": {"declining_enter": 7}}, {"sales": {"nonsense": 1}},
    {"sales": {"dead_after_days": 10**12}}, {"ops": "json://127.0.0.1:9/"}, {"ops": "no url"}, {"kafka": "x"},
    {"security_protocol": "NONSENSE"}, {"sasl_mechanism": "PLAIN"}, {"sasl_plain_password": SECRET},
    {"bootstrap_timeout_ms": "soon"}, {"bootstrap_timeout_ms": 1, "nonsense": True}, {"request_timeout_ms": -1},
    {"ssl_cafile": "missing", "security_protocol": "SSL"}, ["one.jsonl"], ["broken.yaml"], ["binary.yaml"], ["folder"],
    {"beacon": "carrier.yaml"}, {"beacon": "wild.yaml"}, {"beacon": "missing.yaml"}, {"beacon": "folder"},
    {"zulip": "carrier.yaml"},
    {"hook": {"path": "/hook", "carrier": "zulip", "wire": "token"}},
    {"hook": {"path": "/hook", "carrier": "zulip", "wire": "github", "secret": SECRET}},
    {"hook": {"path": "/hook", "carrier": "none", "wire": "slack", "secret": SECRET}},
    {"hook": {"path": "hook", "carrier": "slack", "wire": "slack", "secret": SECRET, "per_second": 0}},
    {"hook": {"path": "/hook", "carrier": "slack", "wire": "slack", "secret": SECRET, "topic": "none"}},
    {"hook": {"path": "/hook", "carrier": "wecom", "wire": "wecom", "secrets": {"token": SECRET}}},
    {"One!": {}}, ["missing/*.yaml"], ["linear"], ["linear", "linear"], ["nonsense"],
)  # fmt: skip

LIKELY: Final = {
    "carrier": ("cloudevents", "zulip", "beacon", "carrier.yaml"),
    "paths": EXPORTS,
    "sample": (*EXPORTS, "one.jsonl", "deep.json"),
    "cases": ("cases.yaml", "wild.yaml"),
    "out": ("report.html",),
    "reader": ("telegram_export", "qq_txt", "chatlab", "table", "payloads"),
    "group": ("42", "room"),
    "platform": ("qq", "wechat"),
    "self_id": ("1",),
    "date_order": ("dmy",),
    "operator": ("1", "Ann"),
    "column": ("time=Date", "sender=Name", "text=Text", "time="),
    "language": ("zh",),
    "topic": ("group.messages", "raw.zulip"),
    "table": ("events",),
    "name": ("standard",),
    "reason": ("two people",),
    "number": ("1", "2"),
    "file": ("one.jsonl",),
    "zone": ("Europe/Berlin", "UTC"),
}  # fmt: skip
"""By the name of an argument or a setting; one that is not here gets any of the others."""


def text(random: Random, name: str) -> str:
    """A text for an argument or a setting of this name."""
    if name in LIKELY and random.random() < 0.6:
        return random.choice(LIKELY[name])
    return random.choice(random.choices((TEXTS, NUMBERS, PATHS, URLS), (6, 1, 2, 1))[0])


def number(random: Random, bounds: list[int | float]) -> str:
    """A number in decimal digits, near one of these bounds or beyond them all."""
    if bounds and random.random() < 0.5:
        return str(random.choice(bounds) + random.choice((-1, 0, 1)))
    return random.choice(NUMBERS if random.random() < 0.8 else TEXTS)


def path(random: Random, name: str) -> str:
    """A path of any kind, relative to the folder of the case."""
    return random.choice(LIKELY[name] if name in LIKELY and random.random() < 0.5 else PATHS)


def structure(random: Random) -> str:
    """A table or an array as JSON, or what is none."""
    return json.dumps(random.choice(STRUCTURES)) if random.random() < 0.85 else random.choice(TEXTS)
