"""What an operator reads of alerts: one in full, many as a digest that names each. Pure.

A message is plain text, which Apprise escapes for services that show HTML or Markdown. Some look for mentions, tags and
links in plain text too (Discord, Mattermost, Feishu), so names and ids are inert in it. The record for Kafka is exact.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from pipelines.alerts.decide import Event, Known
from pipelines.alerts.rules import GROUP_AT_RISK, GROUP_DEAD, GROUP_DECLINING, GROUP_DYING, GROUP_SILENT, STALE_FEED
from pipelines.operations import staleness
from pipelines.printable import printable, printable_name

_IS: Final = {
    GROUP_DECLINING: "declining",
    GROUP_DYING: "dying",
    GROUP_DEAD: "dead",
    GROUP_SILENT: "silent",
    GROUP_AT_RISK: "at risk",
    STALE_FEED: "stale",
    staleness.UNREADABLE: "unreadable",
    staleness.STALE: "stale",
    staleness.BEHIND: "behind",
    staleness.HELD_BACK: "held back",
    staleness.STALLED: "stalled",
    staleness.RUN_FAILED: "failing",
    staleness.CHECK_FAILED: "failing its check",
    staleness.RECEIVER_DOWN: "down",
    staleness.PULL_STALE: "not pulled",
}
KAFKA: Final = "kafka"
"""The name of the channel that is a topic: it gets records and no messages."""

NEXT_STEP: Final = "next_step"
"""What to do, among the details of what is known."""

IS: Final = "is"
"""What the subject is, among the details of an alert whose rule is set by the settings."""

PER: Final = "per"
"""Of what kind the subject of such a rule is: `group`, `purpose` or `company`."""

_INERT: Final = str.maketrans({"@": "\uff20", "<": "\uff1c", ">": "\uff1e", "`": "'"})
_IN_FULL: Final = 3
_CUT: Final = "…"


@dataclass(frozen=True)
class Told:
    """A notice as it is delivered; `notice_id` is the same at every attempt and in no other notice of the channel."""

    notice_id: int
    alert_id: int
    event: Event
    rule: str
    subject: str
    severity: str
    known: Known
    opened_at: dt.datetime
    decided_at: dt.datetime


@dataclass(frozen=True)
class Message:
    """One message about the first `notices` of those it was made of."""

    title: str
    body: str
    notices: int


def notice_of_test(now: dt.datetime) -> Told:
    """What is told to try a channel: of no group, and of no alert in the ledger (number 0)."""
    known = Known(now.date(), "somebody asked for a test of the channels of alerts")
    return Told(0, 0, "test", GROUP_DYING, "emberline", "warning", known, now, now)


def inert(text: str) -> str:
    """Make a text from outside safe to put into a message: printable, of a name's length, and it calls nobody.

    `@`, `<` and `>` are replaced by wide letters that look alike, so that no service sees a mention or a tag; a link
    does not hide behind other words, and no fence swallows the rest of the message.
    """
    return _inert(printable_name(text))


def _inert(text: str) -> str:
    return text.translate(_INERT).replace("](", "] (")


def message(told: Sequence[Told], link_base: str | None, limit: int) -> Message:
    """Put as many notices into one message as it takes, in their order.

    Args:
        told: At least one.
        link_base: Address that ends before `/groups/GROUP_ID`; None: no links.
        limit: Bytes in UTF-8 that title and body may have together. One notice is cut to it, several are left for the
            next message.
    """
    count = len(told)
    while True:
        title, body = _title(told[:count]), _body(told[:count], link_base)
        if _size(title) + _size(body) <= limit:
            return Message(title, body, count)
        if count == 1:
            return Message(title, _cut(body, limit - _size(title)), 1)
        # Three quarters: few attempts, and messages that are nearly full.
        count = max(1, count * 3 // 4)


def record(told: Told, link_base: str | None) -> dict[str, Any]:
    """A notice as a value of the topic `group.alerts`: what JSON can say."""
    return {
        "notice_id": told.notice_id,
        "alert_id": told.alert_id,
        "event": told.event,
        "rule": told.rule,
        "subject": told.subject,
        "severity": told.severity,
        "since": told.known.since.isoformat(),
        "reason": told.known.reason,
        "name": told.known.name,
        "purpose": told.known.purpose,
        "state": told.known.state,
        "details": dict(told.known.details),
        "opened_at": told.opened_at.isoformat(),
        "decided_at": told.decided_at.isoformat(),
        "link": link(told, link_base),
    }


def link(told: Told, link_base: str | None) -> str | None:
    """The address of the group's page."""
    is_of_group = told.rule not in (STALE_FEED, *staleness.RULES) and told.known.details.get(PER, "group") == "group"
    if link_base is None or not is_of_group or told.event == "test":
        return None
    return f"{link_base.rstrip('/')}/groups/{quote(told.subject, safe='')}"


def _title(told: Sequence[Told]) -> str:
    if len(told) == 1:
        return _headline(told[0])
    counts = Counter(_kind(one) for one in told)
    return f"{len(told)} alerts: " + ", ".join(f"{number} {kind}" for kind, number in counts.items())


def _body(told: Sequence[Told], link_base: str | None) -> str:
    if len(told) <= _IN_FULL:
        return "\n\n".join(_in_full(one, link_base) for one in told)
    kinds: dict[str, list[str]] = {}
    for one in told:
        kinds.setdefault(_kind(one), []).append(_line(one))
    return "\n\n".join(
        f"{kind[0].upper()}{kind[1:]} ({len(lines)}):\n" + "\n".join(lines) for kind, lines in kinds.items()
    )


def _in_full(told: Told, link_base: str | None) -> str:
    known, details = told.known, told.known.details
    if told.event == "test":
        return f"Why: {printable(known.reason)}."
    lines = [
        f"{_headline(told)}, since {known.since} ({_identity(told)}).",
        f"Why: {printable(known.reason)}.",
    ]
    if told.event in ("firing", "reminder"):
        if details.get("core_silent"):
            silent = details["core_silent"]
            lines.append(f"Silent of the {details['core']} who wrote half of the messages before: {', '.join(silent)}.")
        if details.get("precedent"):
            lines.append(f"{details['precedent']}.")
        lines += [f"{followed}." for followed in details.get("followed") or ()]
        if details.get(NEXT_STEP):
            lines.append(f"Next: {_inert(printable(details[NEXT_STEP]))}")
        lines.append(f"Alert {told.alert_id}: emberline alerts ack {told.alert_id}, or snooze {told.alert_id}")
    if (address := link(told, link_base)) is not None:
        lines.append(address)
    return "\n".join(lines)


def _line(told: Told) -> str:
    return f"- {_name(told)}, since {told.known.since} (alert {told.alert_id})"


def _headline(told: Told) -> str:
    name, is_so = _name(told), _is(told)
    match told.event:
        case "firing":
            return f"{name} is {is_so}"
        case "reminder":
            return f"{name} is still {is_so}"
        case "recovered":
            return f"{name} is no longer {is_so}" + (f": {told.known.state}" if told.known.state else "")
        case "closed":
            return f"{name} is {told.known.state}, and was {is_so}"
        case "test":
            return f"{name}: a test of this channel, no group is concerned"


def _kind(told: Told) -> str:
    is_so = _is(told)
    match told.event:
        case "firing":
            return is_so
        case "reminder":
            return f"still {is_so}"
        case "recovered":
            return f"no longer {is_so}"
        case "closed":
            return f"{told.known.state}, was {is_so}"
        case "test":
            return "test"


def _is(told: Told) -> str:
    return _IS.get(told.rule) or inert(told.known.details[IS])


def _name(told: Told) -> str:
    if told.rule == STALE_FEED:
        return f"Feed {inert(told.subject)}"
    name = (told.known.name or "").strip()
    return inert(name or told.subject)


def _identity(told: Told) -> str:
    parts = [told.known.purpose, told.subject if told.known.name else None, told.severity]
    return ", ".join(inert(part) for part in dict.fromkeys(parts) if part)


def _size(text: str) -> int:
    return len(text.encode())


def _cut(text: str, limit: int) -> str:
    """The beginning of a text that has at most `limit` bytes, marked as cut."""
    kept = text.encode()[: max(0, limit - _size(_CUT))]
    return kept.decode(errors="ignore") + _CUT
