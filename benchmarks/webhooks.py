"""`python -m benchmarks.webhooks URL`: send signed webhooks at a steady rate, and print the latencies.

Each delivery is due at a fixed time, whether or not earlier ones were answered, and its latency is measured from then:
otherwise a stalled receiver would delay deliveries unnoticed. The last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import urlsplit

_ANSWERED_WITHIN_S = 30.0


@dataclass
class Sent:
    """Results of deliveries: statuses (0: the connection broke), seconds of each, and the ids of those answered 200."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)


def event(event_id: str) -> bytes:
    """Return a canonical event of about 300 bytes."""
    data = {"group_id": "wecom:g1", "member_id": "wecom:m1", "message_id": event_id, "message_kind": "text"}
    whole = {
        "specversion": "1.0",
        "id": event_id,
        "source": "//connector/wecom",
        "type": "message.sent",
        "time": "2026-03-02T08:00:00Z",
        "data": {**data, "text_length": 12, "role": "member"},
    }
    return json.dumps(whole, separators=(",", ":")).encode()


def request(url: str, secret: str, body: bytes) -> bytes:
    """Return a POST request, signed as GitHub does."""
    place = urlsplit(url)
    signature = hmac.digest(secret.encode(), body, "sha256").hex()
    head = (
        f"POST {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def send(url: str, secret: str, ids: Iterator[str], rate: float, seconds: float, connections: int) -> Sent:
    """Send one delivery after the other at a steady rate over some connections."""
    sent, queue = Sent(), asyncio.Queue[tuple[float, str] | None]()
    workers = [asyncio.create_task(_deliver(url, secret, queue, sent)) for _ in range(connections)]
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = began + number / rate
        if (wait := due - time.perf_counter()) > 0.001:
            await asyncio.sleep(wait)
        queue.put_nowait((due, next(ids)))
    for _ in workers:
        queue.put_nowait(None)
    await asyncio.gather(*workers)
    return sent


async def _deliver(url: str, secret: str, queue: asyncio.Queue[tuple[float, str] | None], sent: Sent) -> None:
    place, streams = urlsplit(url), None
    while (given := await queue.get()) is not None:
        due, event_id = given
        try:
            if streams is None:
                streams = await asyncio.open_connection(place.hostname, place.port)
            async with asyncio.timeout(_ANSWERED_WITHIN_S):
                status, is_last = await _exchange(streams, request(url, secret, event(event_id)))
        except (OSError, EOFError, TimeoutError, ValueError):
            status, is_last = 0, True
        sent.statuses[status] += 1
        sent.seconds.append(time.perf_counter() - due)
        if status == 200:
            sent.accepted.append(event_id)
        if is_last and streams is not None:
            streams[1].close()
            streams = None
        if status == 0:
            await asyncio.sleep(0.01)
    if streams is not None:
        streams[1].close()


async def _exchange(streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], whole: bytes) -> tuple[int, bool]:
    """Send a request and read its answer; its status, and whether the connection ends with it."""
    reader, writer = streams
    writer.write(whole)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1]), b"connection: close" in head


def main() -> None:
    """Send webhooks with the options of the command line, and print the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.webhooks", description="Send signed webhooks.")
    parser.add_argument("url")
    parser.add_argument("--secret", default="benchmark")
    parser.add_argument("--rate", type=float, default=2000, help="deliveries a second")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--name", default="event", help="how ids begin")
    options = parser.parse_args()
    ids = (f"{options.name}-{number}" for number in count())
    sent = asyncio.run(send(options.url, options.secret, ids, options.rate, options.seconds, options.connections))
    ordered = sorted(sent.seconds)
    points = {f"p{share}": ordered[min(len(ordered) - 1, len(ordered) * share // 100)] for share in (50, 95, 99)}
    print(json.dumps({"statuses": sent.statuses, **points, "most": ordered[-1], "accepted": len(sent.accepted)}))


if __name__ == "__main__":
    main()
