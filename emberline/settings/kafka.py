"""Settings of the Kafka cluster: brokers, credentials, topics and the company's own carriers."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr

from emberline.settings.bounds import PORTS
from emberline.settings.section import Section
from emberline.settings.sources import PREFIX
from pipelines.carriers import CARRIERS
from pipelines.carriers.base import Coverage
from pipelines.ingest.client_options import unfit

_BROKER: Final = re.compile(r"(?:\w+://)?(?:[^\s,:/@\[\]]+|\[[^\s,/@\[\]]+\])(?::(?P<port>[0-9]+))?")
"""One of `kafka.bootstrap_servers`: a name or an address (in brackets if it has colons), and a port."""
_OWN_TOPICS: Final = {"group.messages": "cloudevents", "commerce.events": "cloudevents"}
"""Topics of canonical events, created by `up` and `demo`."""


def _brokers(servers: str | None) -> str | None:
    for server in [] if servers is None else servers.split(","):
        parts = _BROKER.fullmatch(server)
        if parts is None or not 0 < int(parts["port"] or 9092) <= PORTS:
            raise ValueError("is not a list of brokers; write host:port, separated by commas without spaces")
    return servers


def _client_options(options: dict[str, str | int | bool]) -> dict[str, str | int | bool]:
    if secret := [name for name in options if "password" in name]:
        variables = f"{PREFIX}KAFKA__SASL_PASSWORD or {PREFIX}KAFKA__SSL_PASSWORD"
        raise ValueError(f"{secret[0]} is a secret: set it in the environment, as {variables}")
    if found := unfit(options):
        raise ValueError(found)
    return options


class KafkaSettings(Section):
    """The Kafka cluster. Without `bootstrap_servers`: the embedded broker."""

    bootstrap_servers: Annotated[str | None, AfterValidator(_brokers)] = None
    options: Annotated[dict[str, str | int | bool], AfterValidator(_client_options)] = Field(
        default_factory=dict, repr=False
    )
    """Options of all clients of kafka-python: security_protocol, sasl_mechanism, ssl_cafile, ...; no password."""
    sasl_password: SecretStr | None = None
    """From the environment: EMBERLINE__KAFKA__SASL_PASSWORD."""
    ssl_password: SecretStr | None = None
    """Password of the client's key file. From the environment: EMBERLINE__KAFKA__SSL_PASSWORD."""
    carriers: dict[Annotated[str, Field(pattern=r"^[a-z0-9_.-]+$")], str] = Field(default_factory=dict)
    """The company's own carriers: name -> mapping file; a relative path starts at the settings file."""
    topics: dict[str, str] = Field(
        default_factory=lambda given: _OWN_TOPICS | {f"raw.{name}": name for name in (*CARRIERS, *given["carriers"])}
    )
    """Topic -> carrier. Topics that do not exist are skipped."""
    coverage: dict[str, Coverage] = Field(default_factory=dict)
    """Topic -> what its source sees, if not what its carrier says: `full`, `mentions`, `metadata` or `aggregate`."""
    partitions: int = Field(default=3, ge=1, le=10_000)
    """Number of partitions of topics that `replay`, `import`, `up` and `demo` create."""

    @property
    def own_topics(self) -> list[str]:
        """Return topics that must exist: those in the settings file, else those of canonical events."""
        return list(self.topics if "topics" in self.model_fields_set else _OWN_TOPICS)

    def topics_of(self, carrier: str) -> list[str]:
        """Return topics of this carrier, in the order of the settings."""
        return [topic for topic, name in self.topics.items() if name == carrier]
