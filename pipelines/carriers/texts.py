"""What stays of a text that people wrote: its length, links, mentions and a keyed hash, in the place of the text.

The hash is of the text in lower case without white space, so that copies which differ in these alone have one hash. It
is keyed: without the key nobody finds out by trying which text it was.
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
"""An `@` that stands in no mail address."""

_link, _mention = re.compile(LINK), re.compile(MENTION)


@dataclass(frozen=True)
class Texts:
    """What becomes of texts: measured, or kept where `privacy.keep_texts` says so.

    Attributes:
        key: Of hashes and of identities that are made here; see `of_company`.
        keeps: Texts stay as they are.
    """

    key: bytes = field(repr=False)
    keeps: bool = False

    @classmethod
    def of_company(cls, pseudonyms: Pseudonyms, *, keeps: bool) -> Texts:
        """Derive the key from that of the pseudonyms: the same company, the same hashes."""
        return cls(hmac.digest(pseudonyms.key, _PURPOSE, "sha256"), keeps)

    def of(self, text: str, links: int | None = None, mentions: int | None = None) -> str | dict[str, object]:
        """Give what stands in the place of a text; a source that marks links and mentions knows better how many."""
        if self.keeps:
            return text
        return {
            "length": len(text),
            "links": len(_link.findall(text)) if links is None else links,
            "mentions": len(_mention.findall(text)) if mentions is None else mentions,
            "hash": self.hash(text),
        }

    def column(self, texts: pl.Series) -> pl.Series:
        """Give what stands in the place of each text of a String column; nulls stay null."""
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
        """Hash a text under the key; None where it is empty."""
        bare = "".join(text.lower().split())
        return self.identities([bare])[0] if bare else None

    def identities(self, facts: Iterable[str]) -> list[str]:
        """Hash each line of facts under the key, 32 hex digits."""
        digest, errors = partial(blake2b, key=self.key, digest_size=_HASH_BYTES), "surrogatepass"
        return [digest(fact.encode("utf-8", errors)).hexdigest() for fact in facts]

    def identities_of(self, facts: pl.Series) -> pl.Series:
        """Hash each line of a String column without nulls as `identities` does."""
        from pipelines.carriers.blake2 import keyed_hashes

        return keyed_hashes(facts, self.key, _HASH_BYTES)
