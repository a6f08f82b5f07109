"""Synthetic events at a steady rate, and an exact account of which of them Kafka has taken."""

from __future__ import annotations

import datetime as dt
import json
import random
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from kafka import KafkaProducer
from kafka.errors import KafkaError

from pipelines.ingest.connection import KafkaConnection
from schemas import kinds

MESSAGES: Final = "group.messages"
COMMERCE: Final = "commerce.events"

_GROUPS, _MEMBERS = 50, 1000
_DUPLICATES = _LATE = _BROKEN = 0.01
_TOMBSTONES: Final = 0.002
_REMEMBERED: Final = 5000
_FLUSH_SECONDS: Final = 120
_CLOSE_SECONDS: Final = 60

Value = bytes | None
Place = tuple[str, int, int]
"""Topic, partition, offset."""


class Events:
    """Canonical CloudEvents of a company that does not exist; late, doubled and broken ones among them."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._number = 0
        self._sent: deque[tuple[str, Value]] = deque(maxlen=_REMEMBERED)

    def next(self, now: dt.datetime) -> Iterator[tuple[str, Value]]:
        """One to three records, each with its topic."""
        chance = self._chance
        late = dt.timedelta(days=chance.uniform(1, 40)) if chance.random() < _LATE else dt.timedelta()
        for topic, event in self._events(now - late):
            value: Value = json.dumps(event).encode()
            if chance.random() < _BROKEN:
                value = value[: len(value) // 2]
            elif chance.random() < _TOMBSTONES:
                value = None
            self._sent.append((topic, value))
            yield topic, value
        if chance.random() < _DUPLICATES:
            yield chance.choice(self._sent)

    def _events(self, time: dt.datetime) -> Iterator[tuple[str, dict[str, Any]]]:
        chance = self._chance
        member, draw = chance.randrange(_MEMBERS), chance.random()
        account, group = f"wecom:chaos-{member}", f"wecom:chaos-{member % _GROUPS}"
        acts = {"member_id": account, "message_id": f"m{chance.randrange(_REMEMBERED)}"}
        if draw < 0.7:
            acts |= {"message_id": f"m{self._number}", "message_kind": "text", "text_length": chance.randrange(200)}
            yield MESSAGES, self._event(kinds.MESSAGE_SENT, time, acts, group)
        elif draw < 0.8:
            yield MESSAGES, self._event(kinds.REACTION_ADDED, time, acts, group)
        elif draw < 0.85:
            yield MESSAGES, self._event(kinds.MEMBER_JOINED, time, {"member_id": account}, group)
        elif draw < 0.95:
            yield MESSAGES, self._event(kinds.LINK_CLICKED, time, acts | {"group_id": group, "product_id": "p1"})
        else:
            yield from self._purchase(time, account, group)

    def _purchase(self, time: dt.datetime, account: str, group: str) -> Iterator[tuple[str, dict[str, Any]]]:
        order = {
            "customer_id": account,
            "order_id": f"o{self._number}",
            "total_minor": self._chance.randrange(100, 100_000),
            "currency": "CNY",
        }
        yield COMMERCE, self._event(kinds.ORDER_PLACED, time, order | {"group_id": group})
        yield COMMERCE, self._event(kinds.ORDER_PAID, time, order | {"group_id": group})
        if self._chance.random() < 0.1:
            yield COMMERCE, self._event(kinds.ORDER_REFUNDED, time, order)

    def _event(self, kind: str, time: dt.datetime, data: dict[str, Any], subject: str | None = None) -> dict[str, Any]:
        self._number += 1
        about = {} if subject is None else {"subject": subject}
        return {
            "specversion": "1.0",
            "id": f"chaos-{self._number}",
            "source": "simulator/chaos",
            "type": kind,
            "time": time.isoformat(),
            **about,
            "data": data,
        }


@dataclass
class Account:
    """What was sent, and what Kafka said it has: the place of each acknowledged record, and a hash of its value.

    A record without an answer is uncertain: it may be there, and then it is there once.
    """

    sent: int = 0
    acknowledged: dict[Place, int] = field(default_factory=dict)

    def take(self, value: Value, metadata: Any) -> None:
        """Note an acknowledged record; `metadata` is the client's."""
        place = (metadata.topic, metadata.partition, metadata.offset)
        self.acknowledged[place] = hash(value)


class Load(threading.Thread):
    """Sends about `rate` events a second until it is told to stop; what a dead broker held up is sent later."""

    def __init__(self, kafka: KafkaConnection, rate: int, seed: int) -> None:
        super().__init__(name="load", daemon=True)
        self.account = Account()
        self._kafka = kafka
        self._rate = rate
        self._events = Events(random.Random(seed))
        self._over = threading.Event()

    def stop(self) -> Account:
        """End the load; return the account once every record has its answer, or will have none."""
        self._over.set()
        self.join()
        return self.account

    def run(self) -> None:
        """Send; a producer that cannot go on is replaced, and what it had not delivered stays uncertain."""
        producer = self._kafka.producer()
        began, second = time.monotonic(), 0
        while not self._over.is_set():
            second += 1
            try:
                self._send_one_second(producer)
            except KafkaError:
                producer.close(timeout=0)
                producer = self._new_producer()
            self._over.wait(max(0.0, began + second - time.monotonic()))
        producer.close(timeout=_CLOSE_SECONDS)

    def _send_one_second(self, producer: KafkaProducer) -> None:
        for _ in range(self._rate):
            for topic, value in self._events.next(dt.datetime.now(dt.UTC)):
                self.account.sent += 1
                answer: Any = producer.send(topic, value, key=b"%d" % self.account.sent)
                answer.add_callback(lambda metadata, value=value: self.account.take(value, metadata))
        producer.flush(timeout=_FLUSH_SECONDS)

    def _new_producer(self) -> KafkaProducer:
        while True:
            try:
                return self._kafka.producer()
            except Exception:
                time.sleep(1)
