"""Erased persons, known only by keyed hashes: their accounts, and texts that name them.

With the key one can check whether an account is among them, but nobody can list them. The list has no ids, so it can
outlive the person's data, and data that arrives again is recognised.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import polars as pl

from pipelines.events.text_search import hash_of, holds_any
from schemas import kinds
from schemas.lake import SUPPRESSION

ACCOUNT: Final = "account"
TEXT: Final = "text"
BARE: Final = "bare"

SUPPRESSED: Final = "suppressed"
"""Reason for ignoring a record that has only events of an erased person."""

OF_GROUPS: Final = (
    kinds.GROUP_CREATED, kinds.GROUP_UPDATED, kinds.GROUP_CLOSED, kinds.GROUP_SNAPSHOT,
    kinds.GROUP_INTERVENTION, kinds.SPEND_RECORDED, kinds.FEED_HEARTBEAT,
)  # fmt: skip
"""Kinds on a group, a source or a cost, whoever sent them: they are kept without the account."""

_NOTE: Final = "intervention_note"
_LABEL: Final = "emberline: erased: "
PSEUDONYM: Final = r"[0-9a-f]{32}"
_ESCAPE: Final = re.compile(r"\\u[0-9a-f]{4}")
_WRAP: Final = (1 << 64) - 1
_SHORTEST: Final = 5
_SHORTEST_NUMBER: Final = 9


@dataclass(frozen=True)
class Suppression:
    """The rows of `SUPPRESSION`, with the pseudonym key."""

    key: bytes = field(default=b"", repr=False)
    rows: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SUPPRESSION.schema), repr=False)

    @property
    def number(self) -> int:
        """Number of rows, which identifies a state of the list."""
        return self.rows.height

    def covers(self, pseudonyms: pl.Series) -> pl.Series:
        """Return which pseudonyms are of erased accounts; null is not."""
        distinct = pseudonyms.drop_nulls().unique() if self.number else pseudonyms.clear()
        found = [one for one in distinct if self._digest(one) in self._digests]
        return pseudonyms.is_in(pl.Series(found, dtype=pl.String).implode()).fill_null(value=False)

    def sent(self, values: pl.Series) -> pl.Series:
        """Return which Binary values of a carrier name an erased person.

        In them, an id counts without its carrier, although its number may mean something else.
        """
        return self._holds(values, (TEXT, BARE))

    def names(self, texts: pl.Series) -> pl.Series:
        """Return which String values name an erased person, by a text or a pseudonym in them."""
        found = self._holds(texts.cast(pl.Binary), (TEXT,))
        return found | self._has_covered(texts.str.extract_all(PSEUDONYM)) if self.number else found

    def names_in(self, content: bytes) -> bool:
        """Return whether the text of a file names an erased person."""
        return bool(self.names(pl.Series([content.decode("utf-8", "replace")])).any())

    def concerns(self, events: pl.DataFrame) -> pl.Series:
        """Return which rows of `EVENTS` have an erased person in a column of pseudonyms or in a note."""
        members = events["members"].list.eval(pl.element().struct.field("id"))
        return (
            self.covers(events["account_id"])
            | self.covers(events["linked_account_id"])
            | self._has_covered(events["group_operators"])
            | self._has_covered(members)
            | self._is_in_note(events[_NOTE])
        )

    def without(self, events: pl.DataFrame) -> pl.DataFrame:
        """Drop the events of erased persons, and clear their accounts and notes in all other events.

        Args:
            events: `type`, `role`, `intervention_note`, and pseudonyms in `account_id`, `linked_account_id`,
                `group_operators`, `members`.
        """
        if not self.number:
            return events
        acts = self.covers(events["account_id"])
        is_theirs = (acts & ~events["type"].is_in(OF_GROUPS)) | self.covers(events["linked_account_id"])
        is_gone = {
            "account_id": acts,
            "role": acts & events["role"].eq_missing("member"),
            _NOTE: self._is_in_note(events[_NOTE]),
        }
        cleared = (pl.when(~pl.lit(is_gone[name])).then(name).alias(name) for name in is_gone)
        lists = (
            self._without_covered(events["group_operators"], pl.element()),
            self._without_covered(events["members"], pl.element().struct.field("id")),
        )
        return events.with_columns(*cleared, *lists).filter(~is_theirs)

    def entries(self, accounts: Iterable[str], texts: Iterable[str], bare: Iterable[str]) -> pl.DataFrame:
        """Return the rows for another person, without the columns on the request.

        Args:
            accounts: Pseudonyms.
            texts: Texts that name the person anywhere.
            bare: Texts that name the person in payloads of a carrier.
        """
        hashed = [(ACCOUNT, self._digest(pseudonym), None, None) for pseudonym in sorted(accounts)]
        for kind, some in ((TEXT, texts), (BARE, bare)):
            hashed += [(kind, None, len(text), hash_of(text, self._base)) for text in _as_sent(some)]
        rows = [
            (entry, kind, digest, length, None if found is None else _signed(found ^ self._mask(entry)))
            for entry, (kind, digest, length, found) in enumerate(hashed, start=self.number + 1)
        ]
        names = ("entry", "kind", "digest", "length", "fingerprint")
        return pl.DataFrame(rows, schema={name: SUPPRESSION.schema[name] for name in names}, orient="row")

    def erasure_of(self, pseudonym: str) -> int | None:
        """Return the number of the newest erasure that covers an account; None if none does."""
        numbers = self.rows.filter(pl.col("digest") == self._digest(pseudonym))["erasure"]
        return None if numbers.is_empty() else int(numbers.to_list()[-1])

    @cached_property
    def _digests(self) -> frozenset[str]:
        return frozenset(self.rows["digest"].drop_nulls())

    @cached_property
    def _base(self) -> int:
        return self._number("base of hashes") | 1

    @cached_property
    def _texts(self) -> pl.DataFrame:
        """Return `kind, length, hash` of the texts."""
        texts = self.rows.filter(pl.col("kind") != ACCOUNT).select("kind", "length", "entry", "fingerprint")
        hashes = [
            (mark & _WRAP) ^ self._mask(entry) for entry, mark in texts.select("entry", "fingerprint").iter_rows()
        ]
        return texts.select("kind", pl.col("length").cast(pl.Int64), hash=pl.Series(hashes, dtype=pl.UInt64))

    def _holds(self, values: pl.Series, of_kinds: tuple[str, ...]) -> pl.Series:
        texts = self._texts.filter(pl.col("kind").is_in(of_kinds))
        return holds_any(values, texts["length"].to_numpy(), texts["hash"].to_numpy(), self._base)

    def _is_in_note(self, notes: pl.Series) -> pl.Series:
        """Return which notes name an erased person, in any text or as the carrier names them."""
        if notes.null_count() == len(notes):
            return notes.is_not_null()
        return self.names(notes) | self.sent(notes.cast(pl.Binary))

    def _has_covered(self, lists: pl.Series) -> pl.Series:
        return lists.list.eval(pl.element().is_in(self._covered_in(lists))).list.any().fill_null(value=False)

    def _without_covered(self, lists: pl.Series, account: pl.Expr) -> pl.Expr:
        covered = self._covered_in(lists.list.eval(account))
        return pl.col(lists.name).list.eval(pl.element().filter(~account.is_in(covered)))

    def _covered_in(self, lists: pl.Series) -> pl.Series:
        pseudonyms = lists.explode().unique()
        return pseudonyms.filter(self.covers(pseudonyms)).implode()

    def _digest(self, pseudonym: str) -> str:
        return hmac.digest(self.key, f"{_LABEL}account {pseudonym}".encode(), "sha256").hex()

    def _mask(self, entry: int) -> int:
        """Return a mask for hashes: bare hashes of known texts would reveal the secret base."""
        return self._number(f"mask {entry}")

    def _number(self, label: str) -> int:
        return int.from_bytes(hmac.digest(self.key, f"{_LABEL}{label}".encode(), "sha256")[:8])


def naming(account: str) -> tuple[list[str], list[str]]:
    """Return the texts that name an account anywhere, and those that do so in payloads of a carrier.

    A short number is too ambiguous to search for anywhere, and a very short id even in payloads.

    Args:
        account: `carrier:native_id`.
    """
    native = account.partition(":")[2]
    least = _SHORTEST_NUMBER if native.isdigit() else _SHORTEST
    return [account, *([native] if len(native) >= least else [])], [native] if len(native) >= _SHORTEST else []


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def _as_sent(texts: Iterable[str]) -> list[bytes]:
    """Return the bytes of texts, also JSON-escaped with upper-case and lower-case hex digits."""
    found = set[str]()
    for text in texts:
        escaped = json.dumps(text)[1:-1]
        found |= {text, escaped, _ESCAPE.sub(lambda match: match[0][:2] + match[0][2:].upper(), escaped)}
    return sorted(spelling.encode() for spelling in found)
