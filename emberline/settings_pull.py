"""Settings of pulls: which APIs are asked, and where what they bring goes. Secrets come from the environment only."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from emberline.settings_section import Section

SECRETS: Final = ("secret", "secrets")
LEAST_INTERVAL_S: Final = 1


def _known_puller(name: str) -> str:
    # Slow to import, and needed by those who pull.
    from pipelines.carriers.pullers import pullers

    if name not in pullers():
        raise ValueError(f"is no puller; there are {', '.join(sorted(pullers()))}")
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
    """Tell whether an address is one of this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class PullSettings(Section):
    """An API that is asked for what is new: by which puller, where, how often.

    NAME has small letters, digits and underscores. A puller's only secret is EMBERLINE__PULL__NAME__SECRET; of several
    each has a variable, such as EMBERLINE__PULL__NAME__SECRETS__KEY. How far an API was read is kept in Kafka under
    NAME: with another name it is read from the start.
    """

    puller: Annotated[str, AfterValidator(_known_puller)]
    """How the API is spoken to: see below."""
    url: Annotated[str | None, AfterValidator(_address)] = None
    """Base address of the API; none given: the puller's own, if it has one."""
    topic: str | None = None
    """One of the carrier's under [kafka.topics]. None given: the carrier's first."""
    options: dict[str, str] = Field(default_factory=dict)
    """What the puller needs beside secrets, such as since."""
    interval_seconds: float | None = Field(default=None, ge=LEAST_INTERVAL_S, le=86_400)
    """From the end of a round to the next one, where it is pulled until stopped; none given: the puller's own."""
    alert_after_minutes: int = Field(default=60, ge=1, le=525_600)
    """For how long no round may have succeeded before that is an alert."""
    plain_http: bool = False
    """Whether the secret may go to another host than this one without TLS, within a network of your own."""
    secret: SecretStr | None = Field(default=None, repr=False)
    """From the environment."""
    secrets: dict[str, SecretStr] = Field(default_factory=dict, repr=False)
    """By their names, from the environment."""

    @property
    def carrier(self) -> str:
        """The carrier that decodes what the puller brings."""
        from pipelines.carriers.pullers import pullers

        return pullers()[self.puller].carrier

    @model_validator(mode="after")
    def _agree(self) -> PullSettings:
        if self.url and self.url.startswith("http:") and not (self.plain_http or is_loopback(self.url)):
            raise ValueError("url has no TLS; write https, or set plain_http = true within a network of your own")
        return self
