"""Time limits of a connection, and the number of connections."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Time limits of a connection, and the number of connections.

    head_seconds: for the head of a request, and for the first byte on a new connection. keep_alive_seconds: between
    two requests. stall_seconds, stall_bytes: in this time, a client must acknowledge this many bytes of a response. A
    client on a slow line does so within a second; but a system with a full receive buffer acknowledges nothing until
    a good part of it is free, so the time is long. linger_seconds, linger_bytes: for data that a client still sends
    after its response. probe_seconds: how often a half-closed connection is checked for a client that has gone.
    body_idle_seconds: longest pause within a request body. body_bytes_per_second: a body that arrives faster may take
    as long as it needs; at 0.5 Mbit/s, a phone's photograph takes more than a minute.
    """

    connections: int = 512
    head_seconds: float = 10.0
    keep_alive_seconds: float = 75.0
    stall_seconds: float = 60.0
    stall_bytes: int = 16 * 1024
    linger_seconds: float = 10.0
    linger_bytes: int = 64 * 1024 * 1024
    probe_seconds: float = 0.25
    body_idle_seconds: float = 10.0
    body_bytes_per_second: float = 64 * 1024
