"""Authentication of the embedded broker: one password for clients, another for the broker itself.

Clients use SCRAM, which never sends the password: a program that took the port while the broker was down learns
nothing. The broker itself uses PLAIN, since it must authenticate before any login is stored; the command that starts it
uses that login too, to store the login of clients.
"""

from __future__ import annotations

from typing import Any, Final

from emberline.embedded.ports import LOOPBACK
from emberline.embedded.state import StateFolder

_CLIENT: Final = "emberline"
_BROKER: Final = "broker"
_CLIENT_SECRET: Final = "kafka"  # noqa: S105 - the name of the secret
_BROKER_SECRET: Final = "kafka-broker"  # noqa: S105 - likewise
_LEAST_ITERATIONS: Final = 4096
"""Iterations of SCRAM: the fewest that Kafka accepts, since passwords of 32 random characters cannot be guessed."""
_ANSWERS_WITHIN_MS: Final = 60_000

PROTOCOLS: Final = "listener.security.protocol.map"
"""The broker property with the security protocol of each listener."""

LETS_EVERYBODY_IN: Final = {PROTOCOLS: "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT"}
"""Properties of a broker without authentication, for tests and benchmarks with other clients."""


def login_properties(state: StateFolder) -> dict[str, str]:
    """Return the broker's properties, which contain its password."""
    password = state.secret(_BROKER_SECRET)
    plain = (
        "org.apache.kafka.common.security.plain.PlainLoginModule required "
        f'username="{_BROKER}" password="{password}" user_{_BROKER}="{password}";'
    )
    return {
        PROTOCOLS: "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.client.plain.sasl.jaas.config": plain,
        "listener.name.client.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": plain,
    }


def client_options(state: StateFolder) -> dict[str, object]:
    """Return the login arguments for kafka-python's clients."""
    return _options("SCRAM-SHA-512", _CLIENT, state.secret(_CLIENT_SECRET))


def store_client_login(state: StateFolder, port: int) -> None:
    """Store the clients' login with the password of the state folder, and wait until the broker accepts it.

    Raises:
        KafkaError: It did not accept it within a minute.
    """
    from kafka import admin

    kafka: Any = admin  # the type stubs are of an older client
    login = kafka.UserScramCredentialUpsertion(
        _CLIENT, kafka.ScramMechanism.SCRAM_SHA_512, state.secret(_CLIENT_SECRET), iterations=_LEAST_ITERATIONS
    )
    client = kafka.KafkaAdminClient(
        bootstrap_servers=f"{LOOPBACK}:{port}",
        bootstrap_timeout_ms=_ANSWERS_WITHIN_MS,
        **_options("PLAIN", _BROKER, state.secret(_BROKER_SECRET)),
    )
    try:
        client.alter_user_scram_credentials([login])
    finally:
        client.close()


def _options(mechanism: str, user: str, password: str) -> dict[str, object]:
    return {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": mechanism,
        "sasl_plain_username": user,
        "sasl_plain_password": password,
    }
