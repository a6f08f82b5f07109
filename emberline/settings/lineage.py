"""Settings of lineage: the collector that receives OpenLineage events."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from emberline.settings.section import Section
from emberline.settings.sources import PREFIX


def _collector(url: str | None) -> str | None:
    if url is not None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("is not a URL of a collector; write https://host:port")
        if "@" in parts.netloc:
            raise ValueError(f"has a password; set {PREFIX}LINEAGE__TOKEN in the environment")
    return url


class LineageSettings(Section):
    """The collector to which `emberline up` sends OpenLineage events of each run. Without `url`: none."""

    url: Annotated[str | None, AfterValidator(_collector)] = None
    """URL of a collector such as Marquez or DataHub, without the path of OpenLineage's API."""
    namespace: str = Field(default="emberline", min_length=1)
    """Namespace of the jobs, as the collector shows it."""
    token: SecretStr | None = None
    """Bearer token of the collector, from the environment: EMBERLINE__LINEAGE__TOKEN."""
