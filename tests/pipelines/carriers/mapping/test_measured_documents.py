"""Measures take the place of texts also within JSON and XML that stand as text in a string."""

from __future__ import annotations

import msgspec
import pytest

from pipelines.carriers.texts import Texts
from tests.pipelines.carriers.mapping.beacon import beacon

BEACON = beacon("""
texts: ["post::json.rows[][].text", "post::json.text", "post::xml.msg.title", post]
fields:
  text: ["post::json.rows[][].text", "post::json.text", "post::xml.msg.title", post]
cases:
  - emit:
      - kind: message.sent
        id: "message/{id}"
        time: {of: "{id}", unit: seconds}
        group: "1"
        account: "2"
        message_id: "{id}"
        message_kind: {of: ["{post::xml.msg.@kind}", "{post::json.kind}"]}
        text: {of: text}
""")
SECRET = "secret words"


@pytest.mark.parametrize(
    "post",
    [
        SECRET,
        msgspec.json.encode({"text": SECRET, "kind": "image", "n": 2**53 + 1}).decode(),
        msgspec.json.encode(
            {"rows": [[{"text": SECRET}, {"tag": "br"}], [], [{"text": " ."}]], "kind": "file"}
        ).decode(),
        f"wx:\n<doc><msg kind='link'><title>{SECRET} &lt;</title><n>1</n></msg></doc>",
        msgspec.json.encode({"unheard": SECRET}).decode(),
        f"<doc><unheard>{SECRET}</unheard></doc>",
        f'"{SECRET}"',
        f"<doc>{SECRET}",
    ],
    ids=["plain", "json", "lists", "xml", "json without a text", "xml without a text", "a json string", "broken xml"],
)
def test_no_text_stays_and_all_else_does(post: str):
    value = msgspec.json.encode({"id": 1600000000, "post": post})

    measured = BEACON.measured([value], Texts(b"key"))

    assert b"secret" not in measured[0]
    assert BEACON.decode(measured).events.equals(BEACON.decode([value]).events)


def test_a_document_keeps_what_is_no_text():
    post = msgspec.json.encode({"text": SECRET, "kind": "image", "n": 2**53 + 1}).decode()

    (measured,) = BEACON.measured([msgspec.json.encode({"id": 1600000000, "post": post})], Texts(b"key"))

    inner = msgspec.json.decode(msgspec.json.decode(measured)["post"])
    assert {name: value for name, value in inner.items() if name != "text"} == {"kind": "image", "n": 2**53 + 1}
    assert inner["text"]["length"] == len(SECRET)
