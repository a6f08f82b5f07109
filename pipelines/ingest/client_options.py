"""Options of kafka-python's clients that can be set, and their values.

Only options that consumer, producer and admin client have in common, because each gets all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from schemas.errors import EmberlineError

Option = str | int | bool

_NUMBERS: Final = (
    "bootstrap_timeout_ms", "connections_max_idle_ms", "max_in_flight_requests_per_connection", "metadata_max_age_ms",
    "receive_buffer_bytes", "receive_message_max_bytes", "reconnect_backoff_max_ms", "reconnect_backoff_ms",
    "request_timeout_ms", "retry_backoff_ms", "send_buffer_bytes",
)  # fmt: skip
_TEXTS: Final = (
    "proxy_url", "sasl_kerberos_domain_name", "sasl_kerberos_name", "sasl_kerberos_service_name",
    "sasl_plain_username", "socks5_proxy", "ssl_cafile", "ssl_certfile", "ssl_keyfile",
)  # fmt: skip
_CHOICES: Final = {
    "client_dns_lookup": ("use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"),
    "sasl_mechanism": ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI", "AWS_MSK_IAM"),
    "security_protocol": ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
}
_TRUTHS: Final = ("ssl_check_hostname",)
OPTIONS: Final = frozenset({*_NUMBERS, *_TEXTS, *_CHOICES, *_TRUTHS})
"""The options, without passwords, which have their own settings."""


class KafkaMisconfigured(EmberlineError):
    """Options of the client contradict each other."""


def unfit(options: Mapping[str, Option]) -> str | None:
    """Return what is wrong with these options, without values; None if they are valid."""
    for name, value in options.items():
        if name not in OPTIONS:
            return f"{name} is not one of the options that can be set: {', '.join(sorted(OPTIONS))}"
        if name in _NUMBERS and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            return f"{name} must be a whole number, at least 0"
        if name in _TRUTHS and not isinstance(value, bool):
            return f"{name} must be true or false"
        if name in _TEXTS and not isinstance(value, str):
            return f"{name} must be a text"
        if name in _CHOICES and value not in _CHOICES[name]:
            return f"{name} must be one of {', '.join(_CHOICES[name])}"
    return None
