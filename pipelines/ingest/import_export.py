"""Send payloads of an export to Kafka, so that an interrupted import can continue."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from pipelines.carriers.readers.base import Payloads, after
from pipelines.ingest.connection import KafkaConnection
from pipelines.ingest.sending import Sending, sender


@dataclass(frozen=True)
class Imported:
    """Result of an import.

    Attributes:
        payloads: Sent and acknowledged payloads, including those of an interrupted import before.
        repairs: How often each named repair was needed.
        skipped: Number of skipped items by reason.
    """

    payloads: int = 0
    repairs: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)


def send_export(
    connection: KafkaConnection,
    topic: str,
    batches: Iterable[Payloads],
    n_before: int = 0,
    on_acknowledged: Callable[[int, int], None] = lambda _payloads, _bytes: None,
) -> Imported:
    """Send the payloads of an export to a topic, in order. A batch is read while the previous one is sent.

    Args:
        connection: The brokers.
        topic: An existing topic.
        batches: All batches of the export, see `Reader.read`.
        n_before: Payloads acknowledged before; they are read but not sent.
        on_acknowledged: Called with the number of acknowledged payloads and the bytes read of the export.

    Raises:
        ProduceFailed: A record was not acknowledged.
    """
    n_safe = n_before
    repairs: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    under_way: deque[tuple[Payloads, Sending]] = deque()

    def finish() -> int:
        batch, sending = under_way.popleft()
        n_acknowledged = sending.acknowledged()
        on_acknowledged(n_safe + n_acknowledged, batch.done)
        return n_acknowledged

    with sender(connection) as send:
        for batch in after(batches, n_before):
            repairs += batch.repairs
            skipped += batch.skipped
            under_way.append((batch, send(topic, batch.keys, batch.values)))
            if len(under_way) > 1:
                n_safe += finish()
        while under_way:
            n_safe += finish()
    return Imported(n_safe, repairs, skipped)
