"""A carrier that a mapping describes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from pipelines.carriers.base import Carrier, Decoded
from pipelines.carriers.mapping.account_ids import UnmarkedId
from pipelines.carriers.mapping.chosen import of_all_elements
from pipelines.carriers.mapping.compiled_mapping import CompiledMapping
from pipelines.carriers.mapping.measured import TextPlaces
from pipelines.carriers.mapping.model import CarrierMapping, MappingError
from pipelines.carriers.mapping.paths import PathError
from pipelines.carriers.mapping.rows import needs_rows, read_rows
from pipelines.carriers.texts import Texts
from pipelines.events.event_ids import MARK


class MappedCarrier(Carrier):
    """A carrier compiled from a mapping.

    Attributes:
        mapping: The mapping.
    """

    def __init__(self, mapping: CarrierMapping) -> None:
        """Compile a mapping.

        Raises:
            MappingError: A path or pattern in it does not exist, or an id names an account without the mark for it.
        """
        self.mapping = mapping
        self.name, self.title, self.limits = mapping.name, mapping.title, tuple(mapping.limits)
        self.coverage, self.membership = mapping.coverage, mapping.membership
        self.kinds = tuple(dict.fromkeys(event.kind for case in mapping.cases for event in case.emit))
        try:
            self._compiled = CompiledMapping(mapping)
        except (PathError, LookupError) as error:
            raise MappingError(
                f"The mapping of {mapping.name} has an unknown path or pattern: {error}",
                "Correct the path or the name of the pattern: docs/reference/mapping.md",
            ) from error
        except UnmarkedId as error:
            raise MappingError(
                f"The mapping of {mapping.name} would store an account in clear: {error}",
                f"Begin its template with {MARK}, and those of all ids that refer to it: "
                "docs/how-to/add-a-carrier.md#ids-that-name-an-account",
            ) from error
        self._places = TextPlaces(mapping)
        self._needs_rows = mapping.format == "xml" or needs_rows(of_all_elements(self._compiled.fields))

    def decode(self, values: Sequence[bytes], headers: pl.Series | None = None) -> Decoded:
        """Decode payloads one by one."""
        rows, levels, rejected = read_rows(values, self._compiled.fields, headers, self.mapping.format)
        made = self._compiled.decode(levels).placed(pl.Series(rows, dtype=pl.UInt32))
        return replace(made, rejected=pl.concat([rejected, made.rejected]).sort("row"))

    def decode_column(self, values: pl.Series, headers: pl.Series | None = None) -> Decoded:
        """Decode a Binary column like `decode`, mostly without Python objects per value."""
        if self._needs_rows:
            return self.decode(values.to_list(), headers)
        # Imported here: loading the compiler takes longer than most commands.
        from pipelines.carriers.mapping.columns import read_columns

        read = read_columns(values, self._compiled.fields, headers)
        made = self._compiled.decode(read.of_accepted())
        if read.accepted.all():
            return made
        rest = ~read.accepted
        by_rows = self.decode(values.filter(rest).to_list(), None if headers is None else headers.filter(rest))
        return made.placed(read.accepted.arg_true()).joined(by_rows.placed(rest.arg_true()))

    def measured(self, values: Sequence[bytes], texts: Texts) -> list[bytes]:
        """Replace texts that people wrote by their measures; see `Carrier`."""
        return list(values) if texts.keeps else self._places.measured(values, texts)
