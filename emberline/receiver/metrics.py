"""What the receiver counts, in Prometheus' format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_BUCKETS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Metrics:
    """The metrics of one receiver, in a registry of their own."""

    def __init__(self, waiting: Callable[[], float], connections: Callable[[], float]) -> None:
        """Take the functions of gauges, called at each scrape: records that wait for Kafka, and open connections."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "emberline_receive_requests",
            "Requests by route and outcome.",
            ["route", "outcome"],
            registry=self._registry,
        )
        self._bytes = Counter(
            "emberline_receive_bytes", "Bytes of bodies that are in Kafka.", ["route"], registry=self._registry
        )
        self._seconds = Histogram(
            "emberline_receive_seconds",
            "From a request's head to its answer, of what is in Kafka.",
            ["route"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        for name, what, value in (
            ("waiting", "Records that Kafka has not acknowledged yet.", waiting),
            ("connections", "Open connections.", connections),
        ):
            Gauge(f"emberline_receive_{name}", what, registry=self._registry).set_function(value)

    def count(self, route: str, outcome: str) -> None:
        """Count a request."""
        self._requests.labels(route, outcome).inc()

    def accepted(self, route: str, n_bytes: int, seconds: float) -> None:
        """Count a request whose record is in Kafka."""
        self.count(route, "accepted")
        self._bytes.labels(route).inc(n_bytes)
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)
