"""Settings of the receiver of webhooks. Secrets come from the environment only."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr, model_validator

from emberline.settings_section import Section, refuse_wrong_name
from pipelines.carriers.base import MAX_VALUE_BYTES

OWN_PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths that the receiver answers by itself."""

SECRETS: Final = ("secret", "second_secret", "secrets", "second_secrets")

_PATH: Final = re.compile(r"/[A-Za-z0-9._~/-]*")
_SECONDS: Final = 3600
_COUNT: Final = 1_000_000


def _known_wire(name: str) -> str:
    # Slow to import, and needed by those who receive.
    from pipelines.carriers.wires import wires

    if name not in wires():
        raise ValueError(f"is no wire; there are {', '.join(sorted(wires()))}")
    return name


def _path(path: str) -> str:
    if not _PATH.fullmatch(path):
        raise ValueError("is no path of a URL: it begins with / and has letters, digits and . _ ~ / - only")
    if path in OWN_PATHS:
        raise ValueError(f"is a path of the receiver's own; these are {', '.join(sorted(OWN_PATHS))}")
    return path


def _address(host: str) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError("is no IP address, such as 127.0.0.1 or ::1") from None
    return host


class RouteSettings(Section):
    """A webhook: where it comes in, by which wire it proves itself, which carrier reads it.

    NAME has small letters, digits and underscores. A wire's only secret is EMBERLINE__RECEIVE__ROUTES__NAME__SECRET; of
    several each has a variable, such as EMBERLINE__RECEIVE__ROUTES__NAME__SECRETS__TOKEN. What is signed with
    `second_secret`, or `second_secrets`, is accepted as well, while one replaces the other.
    """

    path: Annotated[str, AfterValidator(_path)]
    """Of the URL that the platform is given, such as `/hooks/shop`."""
    carrier: str
    """Reads what comes."""
    wire: Annotated[str, AfterValidator(_known_wire)]
    """How the platform proves itself: see below."""
    topic: str | None = None
    """One of the carrier's under [kafka.topics]. None given: the carrier's first."""
    options: dict[str, str] = Field(default_factory=dict)
    """What the wire needs beside secrets, such as receive_id."""
    per_second: int = Field(default=5000, ge=1, le=_COUNT)
    """Deliveries that are taken in a second, at most."""
    secret: SecretStr | None = Field(default=None, repr=False)
    """From the environment."""
    second_secret: SecretStr | None = Field(default=None, repr=False)
    """From the environment."""
    secrets: dict[str, SecretStr] = Field(default_factory=dict, repr=False)
    """By their names, from the environment."""
    second_secrets: dict[str, SecretStr] = Field(default_factory=dict, repr=False)
    """By their names, from the environment."""


class ReceiveSettings(Section):
    """The receiver of webhooks. `up` starts it where there is a route, `receive` runs it alone."""

    host: Annotated[str, AfterValidator(_address)] = "127.0.0.1"
    """IP address to listen on. What listens elsewhere than on loopback needs a proxy with TLS before it."""
    port: int = Field(default=8710, ge=1, le=65_535)
    """Port to listen on."""
    max_body_bytes: int = Field(default=1_000_000, ge=1, le=MAX_VALUE_BYTES)
    """Of a request; a larger one is refused with 413."""
    head_seconds: float = Field(default=10, gt=0, le=_SECONDS)
    """Until the head of a request is whole."""
    body_seconds: float = Field(default=10, gt=0, le=_SECONDS)
    """Until its body is."""
    ack_seconds: float = Field(default=4, gt=0, le=_SECONDS)
    """Until Kafka has acknowledged a record; then the platform is told to send it again later."""
    max_connections: int = Field(default=256, ge=1, le=_COUNT)
    """The one that has kept the receiver waiting for longest makes room for a new one."""
    max_waiting: int = Field(default=10_000, ge=1, le=_COUNT)
    """Records that Kafka has not acknowledged yet."""
    routes: dict[str, RouteSettings] = Field(default_factory=dict)
    """A table each: see below."""

    @model_validator(mode="after")
    def _agree(self) -> ReceiveSettings:
        refuse_wrong_name("routes", self.routes)
        paths = [route.path for route in self.routes.values()]
        if twice := [path for path in paths if paths.count(path) > 1]:
            raise ValueError(f"two routes have the path {twice[0]}")
        return self
