"""Settings of the webhook receiver. Secrets come only from the environment."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr, model_validator

from emberline.settings.section import Section, refuse_wrong_name
from pipelines.carriers.base import MAX_VALUE_BYTES

OWN_PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths of the receiver's own pages."""

SECRETS: Final = ("secret", "second_secret", "secrets", "second_secrets")

_PATH: Final = re.compile(r"/[A-Za-z0-9._~/-]*")
_SECONDS: Final = 3600
_COUNT: Final = 1_000_000


def _known_wire(name: str) -> str:
    # Slow to import, and only needed by the receiver.
    from pipelines.carriers.wires import wires

    if name not in wires():
        raise ValueError(f"is not a wire; known wires: {', '.join(sorted(wires()))}")
    return name


def _path(path: str) -> str:
    if not _PATH.fullmatch(path):
        raise ValueError("is not a URL path: it must begin with / and have only letters, digits and . _ ~ / -")
    if path in OWN_PATHS:
        raise ValueError(f"is one of the receiver's own paths: {', '.join(sorted(OWN_PATHS))}")
    return path


def _address(host: str) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError("is not an IP address such as 127.0.0.1 or ::1") from None
    return host


class RouteSettings(Section):
    """A webhook: its path, the wire that authenticates it, and the carrier of its payloads.

    NAME has small letters, digits and underscores. A wire's only secret is EMBERLINE__RECEIVE__ROUTES__NAME__SECRET; if
    it has several, each has a variable such as EMBERLINE__RECEIVE__ROUTES__NAME__SECRETS__TOKEN. Requests signed with
    `second_secret` or `second_secrets` are accepted as well, for the rotation of secrets.
    """

    path: Annotated[str, AfterValidator(_path)]
    """Path of the URL that the platform calls, such as `/hooks/shop`."""
    carrier: str
    """The carrier of the payloads."""
    wire: Annotated[str, AfterValidator(_known_wire)]
    """The wire, which authenticates requests: see below."""
    topic: str | None = None
    """A topic of the carrier under [kafka.topics]; by default the first."""
    options: dict[str, str] = Field(default_factory=dict)
    """Options of the wire beside secrets, such as receive_id."""
    per_second: int = Field(default=5000, ge=1, le=_COUNT)
    """Most deliveries accepted per second."""
    secret: SecretStr | None = Field(default=None, repr=False)
    """From the environment."""
    second_secret: SecretStr | None = Field(default=None, repr=False)
    """From the environment."""
    secrets: dict[str, SecretStr] = Field(default_factory=dict, repr=False)
    """By their names, from the environment."""
    second_secrets: dict[str, SecretStr] = Field(default_factory=dict, repr=False)
    """By their names, from the environment."""


class ReceiveSettings(Section):
    """The webhook receiver. `up` starts it if there is a route, `receive` runs it alone."""

    host: Annotated[str, AfterValidator(_address)] = "127.0.0.1"
    """IP address to listen on. An address other than loopback needs a TLS proxy in front."""
    port: int = Field(default=8710, ge=1, le=65_535)
    """Port to listen on."""
    max_body_bytes: int = Field(default=1_000_000, ge=1, le=MAX_VALUE_BYTES)
    """Largest body of a request; a larger one is refused with 413."""
    head_seconds: float = Field(default=10, gt=0, le=_SECONDS)
    """Timeout for the headers of a request."""
    body_seconds: float = Field(default=10, gt=0, le=_SECONDS)
    """Timeout for its body."""
    ack_seconds: float = Field(default=4, gt=0, le=_SECONDS)
    """Timeout for Kafka's acknowledgement; after it, the platform is asked to retry later."""
    max_connections: int = Field(default=256, ge=1, le=_COUNT)
    """Most open connections; beyond it, the connection that has been idle longest is closed."""
    max_waiting: int = Field(default=10_000, ge=1, le=_COUNT)
    """Most records that Kafka has not acknowledged yet."""
    routes: dict[str, RouteSettings] = Field(default_factory=dict)
    """A table each: see below."""

    @model_validator(mode="after")
    def _agree(self) -> ReceiveSettings:
        refuse_wrong_name("routes", self.routes)
        paths = [route.path for route in self.routes.values()]
        if twice := [path for path in paths if paths.count(path) > 1]:
            raise ValueError(f"two routes have the path {twice[0]}")
        return self
