"""Messages about alerts: up to three in full, more as a digest that names each. Pure.

A message is plain text, which Apprise escapes for services that show HTML or Markdown. Some services interpret
mentions, tags and links in plain text too (Discord, Mattermost, Feishu), so names and ids are made inert. The record
for Kafka has them as they are.
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
"""Name of the channel that is a Kafka topic: it gets records instead of messages."""

NEXT_STEP: Final = "next_step"
"""Key in `Known.details`: what to do."""

IS: Final = "is"
"""Key in `Known.details` of a rule from the settings: the state of its subject, in words."""

PER: Final = "per"
"""Key in `Known.details` of a rule from the settings: the kind of its subject, `group`, `purpose` or `company`."""

_INERT: Final = str.maketrans({"@": "\uff20", "<": "\uff1c", ">": "\uff1e", "`": "'"})
_IN_FULL: Final = 3
_CUT: Final = "…"


@dataclass(frozen=True)
class OutboxNotice:
    """A notice in the outbox; `notice_id` is the same at every attempt, and unique in its channel."""

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
    """A message; `notices` is the number of notices it contains."""

    title: str
    body: str
    notices: int


def trial_notice(now: dt.datetime) -> OutboxNotice:
    """Make a notice that tests a channel: about no group, and about no alert in the ledger (number 0)."""
    known = Known(now.date(), "somebody asked for a test of the channels of alerts")
    return OutboxNotice(0, 0, "test", GROUP_DYING, "emberline", "warning", known, now, now)


def inert(text: str) -> str:
    """Make an external text safe in a message: printable, as short as a name, without markup.

    `@`, `<` and `>` become their full-width forms, so that no service sees a mention or a tag; Markdown links and code
    fences are broken.
    """
    return _inert(printable_name(text))


def _inert(text: str) -> str:
    return text.translate(_INERT).replace("](", "] (")


def message(notices: Sequence[OutboxNotice], link_base: str | None, limit: int) -> Message:
    """Make one message of as many notices as fit, in their order.

    Args:
        notices: At least one.
        link_base: The URL before `/groups/GROUP_ID`; None: no links.
        limit: Most bytes of title and body together, in UTF-8. A single notice is cut to it; further ones are left for
            the next message.
    """
    count = len(notices)
    while True:
        title, body = _title(notices[:count]), _body(notices[:count], link_base)
        if _size(title) + _size(body) <= limit:
            return Message(title, body, count)
        if count == 1:
            return Message(title, _cut(body, limit - _size(title)), 1)
        # Three quarters: few attempts, and messages that are nearly full.
        count = max(1, count * 3 // 4)


def record(notice: OutboxNotice, link_base: str | None) -> dict[str, Any]:
    """Convert a notice to a record of the topic `group.alerts`: values that JSON has."""
    return {
        "notice_id": notice.notice_id,
        "alert_id": notice.alert_id,
        "event": notice.event,
        "rule": notice.rule,
        "subject": notice.subject,
        "severity": notice.severity,
        "since": notice.known.since.isoformat(),
        "reason": notice.known.reason,
        "name": notice.known.name,
        "purpose": notice.known.purpose,
        "state": notice.known.state,
        "details": dict(notice.known.details),
        "opened_at": notice.opened_at.isoformat(),
        "decided_at": notice.decided_at.isoformat(),
        "link": link(notice, link_base),
    }


def link(notice: OutboxNotice, link_base: str | None) -> str | None:
    """Return the URL of the group's page; None if there is none."""
    is_of_group = (
        notice.rule not in (STALE_FEED, *staleness.RULES) and notice.known.details.get(PER, "group") == "group"
    )
    if link_base is None or not is_of_group or notice.event == "test":
        return None
    return f"{link_base.rstrip('/')}/groups/{quote(notice.subject, safe='')}"


def _title(notices: Sequence[OutboxNotice]) -> str:
    if len(notices) == 1:
        return _headline(notices[0])
    counts = Counter(_kind(one) for one in notices)
    return f"{len(notices)} alerts: " + ", ".join(f"{number} {kind}" for kind, number in counts.items())


def _body(notices: Sequence[OutboxNotice], link_base: str | None) -> str:
    if len(notices) <= _IN_FULL:
        return "\n\n".join(_in_full(one, link_base) for one in notices)
    kinds: dict[str, list[str]] = {}
    for one in notices:
        kinds.setdefault(_kind(one), []).append(_line(one))
    return "\n\n".join(
        f"{kind[0].upper()}{kind[1:]} ({len(lines)}):\n" + "\n".join(lines) for kind, lines in kinds.items()
    )


def _in_full(notice: OutboxNotice, link_base: str | None) -> str:
    known, details = notice.known, notice.known.details
    if notice.event == "test":
        return f"Why: {printable(known.reason)}."
    lines = [
        f"{_headline(notice)}, since {known.since} ({_identity(notice)}).",
        f"Why: {printable(known.reason)}.",
    ]
    if notice.event in ("firing", "reminder"):
        if details.get("core_silent"):
            silent = details["core_silent"]
            lines.append(f"Silent of the {details['core']} who wrote half of the messages before: {', '.join(silent)}.")
        if details.get("precedent"):
            lines.append(f"{details['precedent']}.")
        lines += [f"{followed}." for followed in details.get("followed") or ()]
        if details.get(NEXT_STEP):
            lines.append(f"Next: {_inert(printable(details[NEXT_STEP]))}")
        lines.append(f"Alert {notice.alert_id}: emberline alerts ack {notice.alert_id}, or snooze {notice.alert_id}")
    if (address := link(notice, link_base)) is not None:
        lines.append(address)
    return "\n".join(lines)


def _line(notice: OutboxNotice) -> str:
    return f"- {_name(notice)}, since {notice.known.since} (alert {notice.alert_id})"


def _headline(notice: OutboxNotice) -> str:
    name, is_so = _name(notice), _is(notice)
    match notice.event:
        case "firing":
            return f"{name} is {is_so}"
        case "reminder":
            return f"{name} is still {is_so}"
        case "recovered":
            return f"{name} is no longer {is_so}" + (f": {notice.known.state}" if notice.known.state else "")
        case "closed":
            return f"{name} is {notice.known.state}, and was {is_so}"
        case "test":
            return f"{name}: a test of this channel, no group is concerned"


def _kind(notice: OutboxNotice) -> str:
    is_so = _is(notice)
    match notice.event:
        case "firing":
            return is_so
        case "reminder":
            return f"still {is_so}"
        case "recovered":
            return f"no longer {is_so}"
        case "closed":
            return f"{notice.known.state}, was {is_so}"
        case "test":
            return "test"


def _is(notice: OutboxNotice) -> str:
    return _IS.get(notice.rule) or inert(notice.known.details[IS])


def _name(notice: OutboxNotice) -> str:
    if notice.rule == STALE_FEED:
        return f"Feed {inert(notice.subject)}"
    name = (notice.known.name or "").strip()
    return inert(name or notice.subject)


def _identity(notice: OutboxNotice) -> str:
    parts = [notice.known.purpose, notice.subject if notice.known.name else None, notice.severity]
    return ", ".join(inert(part) for part in dict.fromkeys(parts) if part)


def _size(text: str) -> int:
    return len(text.encode())


def _cut(text: str, limit: int) -> str:
    """Cut a text to at most `limit` bytes, with a mark at the end."""
    kept = text.encode()[: max(0, limit - _size(_CUT))]
    return kept.decode(errors="ignore") + _CUT
