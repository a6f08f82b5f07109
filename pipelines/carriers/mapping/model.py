"""What a mapping may say: the vocabulary of the language, strictly typed (docs/reference/mapping.md).

Every text with braces is a template: `"message/{chat.id}/{id}"`. It is null as soon as one of its places is empty.
`{#}` is the place of an element in its list; in an event's `id` `{#time}` is its time in microseconds since 1970.
"""

from __future__ import annotations

from importlib.resources.abc import Traversable
from typing import Any, Literal

import msgspec
import yaml

from pipelines.carriers.base import Coverage, Membership
from schemas.errors import EmberlineError

Quality = Literal["exact", "second", "minute", "bound", "arrival"]
Unit = Literal["seconds", "milliseconds", "microseconds", "seconds_or_milliseconds", "rfc3339", "local", "snowflake"]
Scalar = str | int | bool


class _Word(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Test(_Word, frozen=True):
    """What is asked of one place; all that is given must hold.

    Attributes:
        present: Whether it is there: neither null nor empty.
        equals: One of these.
        differs: None of these.
        starts: With one of these.
        ends: With one of these.
        matches: One of these regular expressions of Rust is found.
        is_a: Its kind: `text`, `number`, `object`, `list`.
        same_as: What stands at this other place, too.
        not_same_as: Something else than at this other place, or nothing.
        among: One of the values at this path into a list.
        not_among: None of them, or nothing.
    """

    present: bool | None = None
    equals: Scalar | list[Scalar] | None = None
    differs: Scalar | list[Scalar] | None = None
    starts: str | list[str] | None = None
    ends: str | list[str] | None = None
    matches: str | list[str] | None = None
    is_a: Literal["text", "number", "object", "list"] | None = None
    same_as: str | None = None
    not_same_as: str | None = None
    among: str | None = None
    not_among: str | None = None


Tests = dict[str, Scalar | list[Scalar] | Test]
"""Path -> what its value equals, one of these, or a test. All must hold. No path: always."""

When = Tests | list[Tests]
"""Tests; or several such, of which one must hold."""


class Choice(_Word, frozen=True):
    """A value, if the condition holds.

    Attributes:
        is: The value.
        when: The condition; without one it always holds.
    """

    is_: Value = msgspec.field(name="is")
    when: When = {}


class Chosen(_Word, frozen=True):
    """A value made of places.

    Attributes:
        of: A template, or several: the first that is not empty.
        choose: In place of `of`: the first choice whose condition holds.
        capture: A regular expression of Rust; its first group is taken.
        strip: What such expressions find is taken out.
        map: Text -> text; another text is null.
        lower: Whether to write it in small letters.
        upper: Whether to write it in capitals.
        pad: Digits, at least, with zeros in front.
        platform: Of a group or account: the platform in place of the mapping's own, such as what stands before the
            colon of a whole key in the payload.
        else: What stands for null.
    """

    of: str | list[str] | None = None
    choose: list[Choice] | None = None
    capture: str | list[str] | None = None
    strip: str | list[str] | None = None
    map: dict[str, str] | None = None
    lower: bool = False
    upper: bool = False
    pad: int | None = None
    platform: Value | None = None
    otherwise: str | None = msgspec.field(name="else", default=None)


Value = str | Chosen


class Instant(_Word, frozen=True):
    """A time. `unit` says how it is written.

    Attributes:
        of: A template.
        unit: `seconds` may have a fraction; `local` is `2026-01-31 08:15:00` in `zone`; `snowflake` holds milliseconds
            since `epoch_ms` above its lowest 22 bits.
        zone: IANA name, of `local`.
        epoch_ms: Of `snowflake`.
        quality: How exact it is; the mapping's own where it is not said.
    """

    of: str
    unit: Unit
    zone: str = "UTC"
    epoch_ms: int = 0
    quality: Quality | None = None


class Text(_Word, frozen=True):
    """A text that a person wrote; only its measures are kept.

    Attributes:
        of: Its place; of a list, the texts of its elements one after the other.
        strip: What such regular expressions of Rust find does not count.
        markup: `tags`: what stands in `<…>` does not count, and `&amp;` is one character.
        marks: What such regular expressions of Rust find is the platform's, not the person's, such as the id of the
            message that is quoted: it stays among the measures, as `marks`, one after the other with spaces between.
    """

    of: str
    strip: str | list[str] | None = None
    markup: Literal["none", "tags"] = "none"
    marks: str | list[str] | None = None


class Money(_Word, frozen=True):
    """An amount; `major` units are decimals such as `19.90`, `minor` ones are whole. It is never below zero.

    Attributes:
        of: Its place.
        unit: See above.
        rounded: Whether decimals may have more digits than the currency: sums that browsers make end in `…00000001`.
        less: The place of an amount that is taken off, if there is one: of a running sum, what it was before.
    """

    of: Value
    unit: Literal["minor", "major"] = "minor"
    rounded: bool = False
    less: Value | None = None


class Number(_Word, frozen=True):
    """A count.

    Attributes:
        of: A whole number that the payload has.
        count: How many elements there are at this path into a list.
    """

    of: str | None = None
    count: str | None = None


class Items(_Word, frozen=True):
    """What an order holds.

    Attributes:
        each: The list, `lines[]`.
        product: Of an element.
        quantity: Likewise, a whole number.
        amount: Likewise, of the whole quantity.
        price: Likewise, of one.
    """

    each: str
    product: Value | None = None
    quantity: str | None = None
    amount: str | Money | None = None
    price: str | Money | None = None


class Member(_Word, frozen=True):
    """Who is in a group at an instant.

    Attributes:
        id: Of an element's account.
        each: The list, `members[]`; without one there is one member.
        role: Of an element.
        when: Only elements for which this holds.
    """

    id: Value
    each: str | None = None
    role: Value | None = None
    when: When = {}


class Event(_Word, frozen=True):
    """An event that a payload gives, or one for each element of the list `each`; of two lists, for each pair of theirs.

    What a kind needs stands in docs/reference/events.md.

    Attributes:
        kind: Of event.
        id: The same whenever the event is delivered again, and never that of another event of the source.
        time: When it happened; of several the first that is there; `arrival` takes Kafka's.
        when: An event only if this holds.
        each: A list of the payload, `users[]`, or two; `{#}` is the place in it.
        source: Where ids are unique, if not the mapping's.
        group: Its id on the platform, which is put in front.
        group_name: As the payload has it.
        group_purpose: Of the group.
        account: Who acts, or whom it happens to: the id on the platform, which is put in front.
        linked_account: Another account of the same person.
        role: `member`, `operator` or `bot`; `member` where nothing is said.
        message_id: What replies, edits and recalls name.
        message_kind: `text`, `image`, `voice`, `video`, `file`, `link`, `product`, `red_packet`, `broadcast`,
            `system` or `other`.
        reply_to: The message that this one answers.
        text: What a person wrote, of several places the first that is not empty; its length, links and mentions are
            counted.
        text_length: Characters, where the text was withheld.
        links: How many; goes over what is counted in the text.
        mentions: How many people are mentioned; likewise.
        product: Which is viewed, put in a cart or bought.
        order: Its number, unique in the source.
        amount: Of the order, payment, refund or cost.
        currency: ISO 4217.
        campaign: That a cost was spent on.
        items: What the order holds.
        members: Who is in the group.
    """

    kind: str
    id: Value
    time: Instant | list[Instant] | Literal["arrival"]
    when: When = {}
    each: str | list[str] | None = None
    source: Value | None = None
    group: Value | None = None
    group_name: Value | None = None
    group_purpose: Value | None = None
    account: Value | None = None
    linked_account: Value | None = None
    role: Value = "member"
    message_id: Value | None = None
    message_kind: Value | None = None
    reply_to: Value | None = None
    text: str | Text | list[str | Text] | None = None
    text_length: Number | None = None
    links: Number | None = None
    mentions: Number | None = None
    product: Value | None = None
    order: Value | None = None
    amount: str | Money | None = None
    currency: Value | None = None
    campaign: Value | None = None
    items: Items | None = None
    members: Member | list[Member] | None = None


class Numbering(_Word, frozen=True):
    """A sequence: numbers without gaps that the platform gives what it sends. One that never comes is something lost.

    Attributes:
        number: A whole number, each one more than the one before.
        group: Whose sequence it is, as in events, if each group has its own.
        of: What tells several sequences from each other otherwise, and is no person's.
        time: When that was sent, as in events; where it is not there, Kafka's.
        when: Only payloads for which this holds, be they events or not.
    """

    number: Value
    group: Value | None = None
    of: Value | None = None
    time: Instant | list[Instant] | Literal["arrival"] = "arrival"
    when: When = {}


class Case(_Word, frozen=True):
    """What is made of payloads: events, or nothing for a reason.

    Attributes:
        when: The payloads that it is about; without a condition all that no case before it is about.
        ignore: Why nothing is made of them.
        emit: Their events.
    """

    when: When = {}
    ignore: str | None = None
    emit: list[Event] = []


class CarrierMapping(_Word, frozen=True):
    """A carrier.

    Attributes:
        name: What the settings and `--carrier` call it.
        title: What people call it.
        platform: What keys of its groups and accounts begin with; a template where the payload says.
        source: Of its events; equal where the same messages come in two ways.
        coverage: How much of a group's life it sees.
        membership: How it knows who is in a group.
        time_quality: Of its events, where they do not say otherwise.
        format: What is `json_or_xml` is XML if it begins with `<`.
        fields: Name -> path, or several: the first that is there. The name stands for them where a path is asked for,
            but for `each` and `texts`.
        split: A field that may be a list: each of its elements is decoded as a payload of its own, with the element in
            the place of the list and its number from 0 in `_part`. `texts` and `keeps` are of the whole payload.
        texts: Where people's words stand beside the texts of events; measures can stand in the place of both. A string
            that is JSON or XML is entered: `content::json.text`.
        sequence: Of the numbers of payloads; what is missing is shown.
        keeps: Conditions under which texts stay: sentences that a platform wrote, which say who joined.
        called: Says what a payload is, for the count of those that no case is about.
        cases: The first whose condition holds decides.
        samples: Where the samples of its tests come from.
        limits: Sentences: what it cannot know, and what to take care of.
        patterns: Name -> regular expressions, by language; `"@name"` in the place of an expression means all of them.
    """

    name: str
    title: str
    platform: Value
    coverage: Coverage
    membership: Membership
    time_quality: Quality
    cases: list[Case]
    format: Literal["json", "xml", "json_or_xml"] = "json"
    source: Value | None = None
    fields: dict[str, str | list[str]] = {}
    split: str | None = None
    sequence: Numbering | None = None
    texts: list[str | Text] = []
    keeps: list[When] = []
    called: Value | None = None
    samples: Literal["real", "official", "constructed", "remembered"] = "constructed"
    limits: list[str] = []
    patterns: dict[str, list[str]] = {}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads keys as they are written: for Python the keys `1` and `true` would be one."""


def _as_written(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    loader.flatten_mapping(node)
    return {str(key.value): loader.construct_object(value, deep=True) for key, value in node.value}


_Loader.add_constructor("tag:yaml.org,2002:map", _as_written)


class MappingError(EmberlineError):
    """A mapping cannot be read or says what it may not."""


def parse_mapping(text: str, place: str) -> CarrierMapping:
    """Read a mapping.

    Args:
        text: YAML.
        place: Where it is from.

    Raises:
        MappingError: it is no YAML, or not of this language; names the place in it.
    """
    try:
        return msgspec.convert(yaml.load(text, Loader=_Loader), CarrierMapping)  # noqa: S506 - made of the safe one
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = f"{place}:{mark.line + 1}" if mark else place
        raise MappingError(f"This is no YAML: {error.problem}", "Mend the line.", at) from error
    except msgspec.ValidationError as error:
        raise MappingError(
            f"The mapping says what it may not: {error}", "The words of the language: docs/reference/mapping.md", place
        ) from error


def read_mapping(file: Traversable, place: str) -> CarrierMapping:
    """Read a mapping from a file.

    Raises:
        MappingError: see `parse_mapping`; or the file cannot be read.
    """
    try:
        return parse_mapping(file.read_text(encoding="utf-8"), place)
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(f"The mapping cannot be read: {error}", "See that it is a UTF-8 file.", place) from error
