"""Measures of texts, stored in place of them: length, number of links and mentions, and a keyed hash.

The hash is of the text in lower case without white space, so that copies which differ only in these have one hash. It
is keyed: without the key, texts cannot be guessed.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from typing import Final

import polars as pl

from pipelines.events.pseudonym import Pseudonyms

_PURPOSE: Final = b"emberline: measures of texts"
_HASH_BYTES: Final = 16

LINK: Final = r"(?i)https?://[^\s]"
MENTION: Final = r"(?:^|[^A-Za-z0-9._%+@-])@[^\s@]"
"""An `@` that is not in a mail address."""

_link, _mention = re.compile(LINK), re.compile(MENTION)


@dataclass(frozen=True)
class Texts:
    """Measures texts, or keeps them with `privacy.keep_texts`.

    Attributes:
        key: Key of hashes and of created ids; see `of_company`.
        keeps: Whether texts are kept.
    """

    key: bytes = field(repr=False)
    keeps: bool = False

    @classmethod
    def of_company(cls, pseudonyms: Pseudonyms, *, keeps: bool) -> Texts:
        """Derive the key from that of the pseudonyms, so that hashes are stable for a company."""
        return cls(hmac.digest(pseudonyms.key, _PURPOSE, "sha256"), keeps)

    def of(self, text: str, links: int | None = None, mentions: int | None = None) -> str | dict[str, object]:
        """Return the measures of a text, or the text if kept; a source may know the numbers of links and mentions."""
        if self.keeps:
            return text
        return {
            "length": len(text),
            "links": len(_link.findall(text)) if links is None else links,
            "mentions": len(_mention.findall(text)) if mentions is None else mentions,
            "hash": self.hash(text),
        }

    def column(self, texts: pl.Series) -> pl.Series:
        """Return measures or texts of a String column like `of`; nulls stay null."""
        if self.keeps:
            return texts
        # Imported here: loading the compiler takes longer than most commands.
        from pipelines.carriers.bare_texts import bare_texts

        bare_ones = bare_texts(texts.fill_null(""))
        hashes = self.identities_of(bare_ones).set(bare_ones == "", None)
        measured = texts.to_frame("text").select(
            pl.when(pl.col("text").is_not_null()).then(
                pl.struct(
                    length=pl.col("text").str.len_chars(),
                    links=pl.col("text").str.count_matches(LINK),
                    mentions=pl.col("text").str.count_matches(MENTION),
                    hash=hashes,
                )
            )
        )
        return measured.to_series().alias(texts.name)

    def hash(self, text: str) -> str | None:
        """Return the keyed hash of a text; None if it is empty."""
        bare = "".join(text.lower().split())
        return self.identities([bare])[0] if bare else None

    def identities(self, facts: Iterable[str]) -> list[str]:
        """Return the keyed hash of each line of facts, 32 hex digits."""
        digest, errors = partial(blake2b, key=self.key, digest_size=_HASH_BYTES), "surrogatepass"
        return [digest(fact.encode("utf-8", errors)).hexdigest() for fact in facts]

    def identities_of(self, facts: pl.Series) -> pl.Series:
        """Hash each line of a String column without nulls as `identities` does."""
        from pipelines.carriers.blake2 import keyed_hashes

        return keyed_hashes(facts, self.key, _HASH_BYTES)
