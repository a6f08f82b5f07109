"""The vocabulary of the mapping language, strictly typed (docs/reference/mapping.md).

Every text with braces is a template: `"message/{chat.id}/{id}"`. It is null if one of its paths is empty. `{#}` is the
position of an element in its list; in an event's `id`, `{#time}` is its time in microseconds since 1970.
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
    """Conditions on the value at a path; all that are given must hold.

    Attributes:
        present: Whether it is present: neither null nor empty.
        equals: It is one of these.
        differs: It is none of these.
        starts: It starts with one of these.
        ends: It ends with one of these.
        matches: It contains a match of one of these regular expressions (Rust syntax).
        is_a: It is a `text`, `number`, `object` or `list`.
        same_as: It equals the value at this other path.
        not_same_as: It differs from the value at this other path, or is missing.
        among: It is one of the values at this path into a list.
        not_among: It is none of them, or is missing.
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
"""Path -> the value it equals, several allowed values, or a test. All must hold. Without paths: always true."""

When = Tests | list[Tests]
"""Tests, or several such sets, of which one must hold."""


class Choice(_Word, frozen=True):
    """A value, if the condition holds.

    Attributes:
        is: The value.
        when: The condition; without one it always holds.
    """

    is_: Value = msgspec.field(name="is")
    when: When = {}


class Chosen(_Word, frozen=True):
    """A value from paths.

    Attributes:
        of: A template, or several: the first that is not empty.
        choose: Instead of `of`: the first choice whose condition holds.
        capture: A regular expression (Rust syntax); its first group is the value.
        strip: Regular expressions whose matches are removed.
        map: Text -> text; other texts become null.
        lower: Whether to convert it to lower case.
        upper: Whether to convert it to upper case.
        pad: Minimum number of digits, padded with zeros.
        platform: For a group or account: its platform, instead of the mapping's, such as the part before the colon of a
            whole key in the payload.
        else: The value instead of null.
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
    """A time in the format `unit`.

    Attributes:
        of: A template.
        unit: `seconds` may have a fraction; `local` is `2026-01-31 08:15:00` in `zone`; `snowflake` has milliseconds
            since `epoch_ms` above its lowest 22 bits.
        zone: IANA name of the time zone of `local`.
        epoch_ms: Epoch of `snowflake`.
        quality: Its precision; by default that of the mapping.
    """

    of: str
    unit: Unit
    zone: str = "UTC"
    epoch_ms: int = 0
    quality: Quality | None = None


class Text(_Word, frozen=True):
    """A text that a person wrote; only its measures are kept.

    Attributes:
        of: Its path; for a list, the texts of its elements are concatenated.
        strip: Regular expressions (Rust syntax) whose matches do not count.
        markup: `tags`: `<…>` does not count, and `&amp;` is one character.
        marks: Regular expressions (Rust syntax) whose matches are by the platform, not the person, such as the id of a
            quoted message: they are kept beside the measures, as `marks`, separated by spaces.
    """

    of: str
    strip: str | list[str] | None = None
    markup: Literal["none", "tags"] = "none"
    marks: str | list[str] | None = None


class Money(_Word, frozen=True):
    """An amount; `major` units are decimals such as `19.90`, `minor` ones are whole. It is never below zero.

    Attributes:
        of: Its path.
        unit: See above.
        rounded: Whether decimals may have more digits than the currency: sums computed by browsers end in `…00000001`.
        less: The path of an amount to subtract, if any: for a running sum, its previous value.
    """

    of: Value
    unit: Literal["minor", "major"] = "minor"
    rounded: bool = False
    less: Value | None = None


class Number(_Word, frozen=True):
    """A count.

    Attributes:
        of: The path of a whole number.
        count: A path into a list whose elements are counted.
    """

    of: str | None = None
    count: str | None = None


class Items(_Word, frozen=True):
    """The lines of an order.

    Attributes:
        each: The list, `lines[]`.
        product: Product of an element.
        quantity: Its quantity, a whole number.
        amount: Its price for the whole quantity.
        price: Its price per piece.
    """

    each: str
    product: Value | None = None
    quantity: str | None = None
    amount: str | Money | None = None
    price: str | Money | None = None


class Member(_Word, frozen=True):
    """The members of a group in a snapshot.

    Attributes:
        id: Account id of an element.
        each: The list, `members[]`; without it there is one member.
        role: Role of an element.
        when: Condition on elements.
    """

    id: Value
    each: str | None = None
    role: Value | None = None
    when: When = {}


class Event(_Word, frozen=True):
    """An event of a payload, or one for each element of the list `each`; for two lists, one for each pair.

    docs/reference/events.md lists the fields that each kind needs.

    Attributes:
        kind: Kind of event.
        id: The same whenever the event is delivered again, and never that of another event of the source. One that
            begins with `~` is stored as a pseudonym, and so are all of kinds that an account does, such as joins.
        time: When it happened; the first of several that is present; `arrival` is Kafka's timestamp.
        when: Condition for the event.
        each: A list of the payload, `users[]`, or two; `{#}` is the position in it.
        source: The source in which ids are unique, if not the mapping's.
        group: Id of the group on the platform; the platform is added.
        group_name: Name of the group.
        group_purpose: Purpose of the group.
        account: Who acts or is affected: the id on the platform; the platform is added.
        linked_account: Another account of the same person.
        role: `member`, `operator` or `bot`; by default `member`.
        message_id: The id that replies, edits and recalls refer to; with `~` before it, it is stored as a pseudonym.
        message_kind: `text`, `image`, `voice`, `video`, `file`, `link`, `product`, `red_packet`, `broadcast`,
            `system` or `other`.
        reply_to: The message that this one answers.
        text: What a person wrote, the first of several paths that is not empty; its length, links and mentions are
            counted.
        text_length: Number of characters, if the text is withheld.
        links: Number of links; overrides the count in the text.
        mentions: Number of mentioned people; overrides the count in the text.
        product: The product viewed, added to a cart or bought.
        order: Order number, unique in the source.
        amount: Amount of the order, payment, refund or cost.
        currency: ISO 4217 code.
        campaign: Campaign of a cost.
        items: Lines of the order.
        members: Members of the group.
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
    """Sequence numbers without gaps that the platform assigns to what it sends. A missing number means a lost record.

    Attributes:
        number: A whole number, each one higher by 1 than the previous one.
        group: Group of the sequence, as in events, if each group has its own.
        of: Another value that distinguishes sequences; it must not identify persons.
        time: When the record was sent, as in events; by default Kafka's timestamp.
        when: Condition on payloads, with or without events.
    """

    number: Value
    group: Value | None = None
    of: Value | None = None
    time: Instant | list[Instant] | Literal["arrival"] = "arrival"
    when: When = {}


class Total(_Word, frozen=True):
    """A control total: what the platform counted in the groups of an owner. It is compared with what arrived.

    Attributes:
        owner: Owner of the groups, as an account in events.
        counts: `messages`, all that were sent on a day, or `groups`.
        total: The count, a whole number.
        time: Start of the day that was counted.
        group: A group of the owner, which counts as one of the `groups` from `time` on.
        when: Condition on payloads, with or without events.
    """

    owner: Value
    counts: Literal["messages", "groups"]
    time: Instant | list[Instant]
    total: Value = "1"
    group: Value | None = None
    when: When = {}


class Case(_Word, frozen=True):
    """How a kind of payload is decoded: to events, or ignored for a reason.

    Attributes:
        when: Condition on the payloads; without it, all that no earlier case matches.
        ignore: Reason for ignoring them.
        emit: Their events.
    """

    when: When = {}
    ignore: str | None = None
    emit: list[Event] = []


class CarrierMapping(_Word, frozen=True):
    """A carrier.

    Attributes:
        name: Its name in the settings and in `--carrier`.
        title: Its display name.
        platform: Prefix of the keys of its groups and accounts; a template if the payload has it.
        source: Source of its events; the same for two carriers of the same messages.
        coverage: How much of a group it sees.
        membership: How it reports membership.
        time_quality: Default precision of the times of its events.
        format: `json_or_xml` is XML if it begins with `<`.
        fields: Name -> path, or several: the first that is present. The name can be used as a path, except in `each`
            and `texts`.
        split: A field that may be a list: each of its elements is decoded as a separate payload, with the element
            instead of the list and its number from 0 in `_part`. `texts` and `keeps` refer to the whole payload.
        texts: Paths of texts that people wrote, beside the texts of events; both can be replaced by measures. Strings
            that are JSON or XML are entered: `content::json.text`.
        sequence: Sequence numbers of payloads; missing ones are shown.
        totals: Control totals of payloads, compared with what arrived.
        keeps: Conditions for keeping texts: sentences of the platform that say who joined.
        called: What a payload is, for the count of payloads that no case matches.
        cases: The first case whose condition holds is used.
        samples: Origin of the samples in its tests.
        limits: Sentences on what it cannot know and what to consider.
        patterns: Name -> regular expressions, by language; `"@name"` instead of an expression means all of them.
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
    totals: list[Total] = []
    texts: list[str | Text] = []
    keeps: list[When] = []
    called: Value | None = None
    samples: Literal["real", "official", "constructed", "remembered"] = "constructed"
    limits: list[str] = []
    patterns: dict[str, list[str]] = {}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads keys as text: in Python, the keys `1` and `true` would be equal."""


def _as_written(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    loader.flatten_mapping(node)
    return {str(key.value): loader.construct_object(value, deep=True) for key, value in node.value}


_Loader.add_constructor("tag:yaml.org,2002:map", _as_written)


class MappingError(EmberlineError):
    """A mapping cannot be read or is not valid."""


def parse_mapping(text: str, place: str) -> CarrierMapping:
    """Read a mapping.

    Args:
        text: YAML.
        place: Its origin.

    Raises:
        MappingError: It is not YAML or not a valid mapping; names the place in it.
    """
    try:
        return msgspec.convert(yaml.load(text, Loader=_Loader), CarrierMapping)  # noqa: S506 - made of the safe one
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = f"{place}:{mark.line + 1}" if mark else place
        raise MappingError(f"This is not YAML: {error.problem}", "Correct the line.", at) from error
    except msgspec.ValidationError as error:
        raise MappingError(
            f"The mapping is not valid: {error}", "The words of the language: docs/reference/mapping.md", place
        ) from error


def read_mapping(file: Traversable, place: str) -> CarrierMapping:
    """Read a mapping from a file.

    Raises:
        MappingError: See `parse_mapping`; or the file cannot be read.
    """
    try:
        return parse_mapping(file.read_text(encoding="utf-8"), place)
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(f"The mapping cannot be read: {error}", "Check that it is a UTF-8 file.", place) from error
