"""Pullers read new data from APIs, one module per API.

A puller only knows its API: no Kafka, no HTTP client, no settings. Those of this package are the modules of `apis`;
other packages add theirs by the entry point group `emberline.pullers`, each naming an instance of `Puller`.
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
    """The puller of a package cannot be loaded, is not a puller, or has a name that is taken."""


@cache
def pullers() -> Mapping[str, Puller]:
    """Return all pullers by name: of this package, then of other packages.

    Raises:
        BrokenPuller: A package's puller is broken.
    """
    return parts_by_name(apis, ENTRY_POINTS, Puller, BrokenPuller)
