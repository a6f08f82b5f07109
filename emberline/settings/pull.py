"""Settings of pulls: which APIs are read, and where payloads go. Secrets come only from the environment."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from emberline.settings.section import Section

SECRETS: Final = ("secret", "secrets")
LEAST_INTERVAL_S: Final = 1


def _known_puller(name: str) -> str:
    # Slow to import, and needed by those who pull.
    from pipelines.carriers.pullers import pullers

    if name not in pullers():
        raise ValueError(f"is not a puller; known pullers: {', '.join(sorted(pullers()))}")
    return name


def _address(url: str | None) -> str | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("is no address, such as https://chat.example.com") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise ValueError("is no address, such as https://chat.example.com")
    if parts.username or parts.password:
        raise ValueError("has a secret; set it in the environment")
    if parts.query or parts.fragment:
        raise ValueError("has more than a host and a path")
    return url


def is_loopback(url: str) -> bool:
    """Return whether an address is of this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class PullSettings(Section):
    """An API to read new data from: puller, address and interval.

    NAME has small letters, digits and underscores. A puller's only secret is EMBERLINE__PULL__NAME__SECRET; if it has
    several, each has a variable such as EMBERLINE__PULL__NAME__SECRETS__KEY. The cursor is stored in Kafka under NAME:
    with another name, the API is read from the start.
    """

    puller: Annotated[str, AfterValidator(_known_puller)]
    """The puller: see below."""
    url: Annotated[str | None, AfterValidator(_address)] = None
    """Base address of the API; by default the puller's own, if it has one."""
    topic: str | None = None
    """A topic of the carrier under [kafka.topics]; by default the first."""
    options: dict[str, str] = Field(default_factory=dict)
    """Options of the puller beside secrets, such as since."""
    interval_seconds: float | None = Field(default=None, ge=LEAST_INTERVAL_S, le=86_400)
    """Interval from the end of a round to the next one; by default the puller's own."""
    alert_after_minutes: int = Field(default=60, ge=1, le=525_600)
    """Time without a successful round after which an alert is raised."""
    plain_http: bool = False
    """Whether the secret may be sent without TLS to another host, within a network of your own."""
    secret: SecretStr | None = Field(default=None, repr=False)
    """From the environment."""
    secrets: dict[str, SecretStr] = Field(default_factory=dict, repr=False)
    """By their names, from the environment."""

    @property
    def carrier(self) -> str:
        """The carrier of the puller's payloads."""
        from pipelines.carriers.pullers import pullers

        return pullers()[self.puller].carrier

    @model_validator(mode="after")
    def _agree(self) -> PullSettings:
        if self.url and self.url.startswith("http:") and not (self.plain_http or is_loopback(self.url)):
            raise ValueError("url has no TLS; write https, or set plain_http = true within a network of your own")
        return self
