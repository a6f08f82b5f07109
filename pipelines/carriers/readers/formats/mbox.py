"""Archives of mailing lists in the mbox form.

Payloads are of the carrier `chat_record`: a group is a List-Id, a member a mail address. A mail's date is from its
sender's clock; if it is later than the newest server's time of reception, that time is used, as a bound.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any, Final

import polars as pl

from pipelines.carriers.readers.base import ODD_ITEMS, Capabilities, Payloads, Reader, ReadOptions, Sniffed
from pipelines.carriers.readers.chat_records import SCHEMA, read_records
from pipelines.carriers.readers.encoding import Progress
from pipelines.carriers.readers.notices import NamesAreIds
from pipelines.carriers.readers.source import Source

NO_ID: Final = "mails without a Message-ID, known by what they are"
CLOCKS: Final = "dates after the mail was received, taken for bounds"

_FROM: Final = re.compile(rb"^From \S+.*\d{4}\s*$")
_HEADERS: Final = re.compile(rb"^(?:From|Date|Message-ID|Received|Subject|Return-Path):", re.IGNORECASE | re.MULTILINE)
_ID: Final = re.compile(r"<([^<>\s]+)>")
_SIGNATURE: Final = re.compile(r"^-- ?$", re.MULTILINE)
_QUOTED: Final = re.compile(r"^(?:>|On .+wrote:$|Am .+schrieb .+:$)")
_MOST_BYTES: Final = 16 * 1024 * 1024
_ROWS: Final = 2_000


class Mbox(Reader):
    """Reader of mbox files."""

    name = "mbox"
    title = "mails of a list in the mbox form"
    carrier = "chat_record"
    capabilities = Capabilities(
        membership="none",
        limits=("Dates are those of the senders' clocks.", "Mails without a List-Id are of --group, or left out."),
    )

    def sniff(self, source: Source) -> Sniffed | None:
        """Recognise it by the line before the first mail, and the mail's head."""
        first, _, rest = source.head.lstrip(b"\r\n").partition(b"\n")
        if not _FROM.match(first) or len(set(_HEADERS.findall(rest[:4096]))) < 2:
            return None
        return Sniffed(("it begins as mbox files do, with the head of a mail",))

    def read(self, source: Source, options: ReadOptions) -> Iterator[Payloads]:
        """Read mail by mail, without attachments."""

        def frames(repairs: Counter[str], skipped: Counter[str], progress: Progress) -> Iterator[pl.DataFrame]:
            rows: list[dict[str, Any]] = []
            for mail in _mails(source, skipped, progress):
                try:
                    row = _record(mail, repairs, skipped, options)
                except (AttributeError, LookupError, TypeError, ValueError):
                    skipped[ODD_ITEMS] += 1
                    continue
                rows += [] if row is None else [row]
                if len(rows) == _ROWS:
                    yield pl.DataFrame(rows, SCHEMA)
                    rows = []
            yield pl.DataFrame(rows, SCHEMA)

        return read_records(frames, options, NamesAreIds())


def _mails(source: Source, skipped: Counter[str], progress: Progress) -> Iterator[EmailMessage]:
    parser = BytesParser(policy=policy.default)
    taken: list[bytes] = []
    size, is_after_blank = 0, True
    with source.open() as file:
        for line in file:
            progress.done += len(line)
            if is_after_blank and line.startswith(b"From ") and _FROM.match(line):
                if taken:
                    yield parser.parsebytes(b"".join(taken))  # pyright: ignore[reportReturnType] - of the policy
                taken, size = [], 0
            elif size < _MOST_BYTES:
                taken.append(line[1:] if line.startswith(b">From ") else line)
                size += len(line)
            elif taken and size < 2 * _MOST_BYTES:
                skipped["ends of mails of more than 16 MB"] += 1
                size = 2 * _MOST_BYTES
            is_after_blank = not line.strip()
    if taken:
        yield parser.parsebytes(b"".join(taken))  # pyright: ignore[reportReturnType] - of the policy


def _record(
    mail: EmailMessage, repairs: Counter[str], skipped: Counter[str], options: ReadOptions
) -> dict[str, Any] | None:
    listed = _ID.search(str(mail.get("List-Id", "")))
    group = options.group or (listed[1] if listed else None)
    date = _date(mail.get("Date"))
    if group is None or date is None:
        skipped["mails of no list" if group is None else "mails without a date"] += 1
        return None
    received = [
        one for one in map(_date, (str(line).rpartition(";")[2] for line in mail.get_all("Received", []))) if one
    ]
    is_late = bool(received) and date > max(received)
    repairs.update({CLOCKS: 1} if is_late else {})
    name, address = next(iter(getaddresses([str(mail.get("From", ""))])), ("", ""))
    own = _ID.search(str(mail.get("Message-ID", "")))
    repairs.update({} if own else {NO_ID: 1})
    answered = _ID.search(str(mail.get("In-Reply-To", "")))
    text = _text(mail)
    title = str(mail.get("List-Id", "")).partition("<")[0].strip(' "')
    return {
        "platform": options.platform or "mail",
        "group_id": group,
        "group_name": title or group,
        "kind": "message",
        "time": int((max(received) if is_late else date).timestamp()),
        "time_quality": "bound" if is_late else "second",
        "sender_id": address.lower().replace(" at ", "@") or name or None,
        "sender_name": name or None,
        "message_id": own[1] if own else None,
        "message_kind": "text" if text else "other",
        "reply_to": answered[1] if answered else None,
        "text": text or None,
    }


def _date(text: object) -> dt.datetime | None:
    try:
        date = parsedate_to_datetime(str(text).strip())
    except (ValueError, TypeError, OverflowError):
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=dt.UTC)


def _text(mail: EmailMessage) -> str:
    """Return the text without quoted lines and the signature."""
    part = mail.get_body(("plain",))
    if part is None:
        return ""
    content = part.get_content()
    written = _SIGNATURE.split(content if isinstance(content, str) else "", maxsplit=1)[0]
    return "\n".join(line for line in written.splitlines() if not _QUOTED.match(line)).strip()


READER = Mbox()
