"""Probe whether a Kafka broker is ready, whatever its security.

A normal client would need the credentials of a broker with SASL, and would log each refused
connection while the broker starts. Two small requests of the protocol avoid both.
"""

import socket
import ssl
import struct

from emberline.embedded.ports import LOOPBACK

_METADATA, _API_VERSIONS = 3, 18
_CORRELATION = 7
_CLIENT_ID = b"emberline"
_ALL_TOPICS_OFF = struct.pack(">i", 0)


def answers(port: int, timeout_s: float = 3.0, *, is_tls: bool = False) -> bool:
    """Whether a broker on this loopback port is ready for clients; certificates are not verified.

    Ready means that it answers the protocol and lists itself among the brokers of its cluster. A broker
    with SASL closes the connection at the second request, which counts as ready too.
    """
    try:
        with socket.create_connection((LOOPBACK, port), timeout_s) as plain, _wrapped(plain, is_tls) as connection:
            # ApiVersions v0 -> correlation id, error code, ...
            if _ask(connection, _API_VERSIONS, 0, b"")[4:6] != b"\0\0":
                return False
            try:
                # Metadata v1, no topics -> correlation id, number of brokers, ...
                return _ask(connection, _METADATA, 1, _ALL_TOPICS_OFF)[4:8] > bytes(4)
            except ConnectionError:
                return True
    except OSError:
        return False


def _wrapped(connection: socket.socket, is_tls: bool) -> socket.socket:
    if not is_tls:
        return connection
    # This only checks whether it answers and sends no secret, so its identity does not matter.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection)


def _ask(connection: socket.socket, api: int, version: int, body: bytes) -> bytes:
    header = struct.pack(">hhih", api, version, _CORRELATION, len(_CLIENT_ID)) + _CLIENT_ID
    connection.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
    (length,) = struct.unpack(">i", _read(connection, 4))
    return _read(connection, length)


def _read(connection: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length:
        piece = connection.recv(length - len(received))
        if not piece:
            raise ConnectionResetError("the broker closed the connection")
        received += piece
    return received
