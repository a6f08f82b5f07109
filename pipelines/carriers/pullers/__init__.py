"""Pullers: APIs that are asked for what is new. One module an API; other packages bring theirs by entry points.

A puller knows its API and nothing else: no Kafka, no HTTP client, no settings. Those of this package are the modules of
`apis`; a separate package brings one by the entry point group `emberline.pullers`, which names an instance of `Puller`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from pipelines.carriers.entry_points import parts_by_name
from pipelines.carriers.pullers import apis
from pipelines.carriers.pullers.base import Puller
from schemas.errors import EmberlineError

ENTRY_POINTS: Final = "emberline.pullers"


class BrokenPuller(EmberlineError):
    """A package brings a puller that cannot be loaded, is none, or has a name that is taken."""


@cache
def pullers() -> Mapping[str, Puller]:
    """Give all pullers by name: those of this package, then those that other packages bring.

    Raises:
        BrokenPuller: see there.
    """
    return parts_by_name(apis, ENTRY_POINTS, Puller, BrokenPuller)
