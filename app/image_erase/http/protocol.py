"""HTTP/1.1 as uvicorn speaks it, with limits to how long a connection may keep the server waiting.

What can't even be parsed gets the envelope too.
"""

import asyncio
import logging
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from image_erase.http.failures import Reason, Refused
from image_erase.http.identity import RequestIds

# A request's head is a few hundred bytes: it arrives at once or never.
HEAD_SECONDS = 10.0
# A client must take this much of an answer in this time.
STALL_SECONDS = 20.0
STALL_BYTES = 16 * 1024

log = logging.getLogger("image_erase.request")


class EnvelopeH11Protocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol, answering malformed requests as the contract says.

    A connection is closed when the head of its request is not there in HEAD_SECONDS, and when the client takes next
    to nothing of an answer for STALL_SECONDS. One more than max_connections ends the idle one that has waited longest,
    or itself.
    """

    max_connections = 512
    head_seconds = HEAD_SECONDS
    stall_seconds = STALL_SECONDS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None
        self._unsent = 0
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request's head."""
        super().connection_made(transport)
        self.idle_since = self.loop.time()
        self._await_head()
        self._watch_client()
        if len(self.connections) > self.max_connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._cancel_timers()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; while they make no whole head, time runs."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self.awaits_head:
            self._await_head()
        elif self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None

    def on_response_complete(self) -> None:
        """Be idle from here on."""
        self.idle_since = self.loop.time()
        super().on_response_complete()

    def resume_writing(self) -> None:
        """Take note that the client has taken what there was."""
        self._unsent = 0
        super().resume_writing()

    @property
    def awaits_head(self) -> bool:
        """Whether no request is under way."""
        return self.conn.their_state is h11.IDLE and (self.cycle is None or self.cycle.response_complete)

    def send_400_response(self, msg: str) -> None:
        """Answer with the failure envelope and close. msg: uvicorn's description, safe for clients."""
        self._refuse(Refused(Reason.MALFORMED, msg))

    def _refuse(self, error: Refused) -> None:
        ids = RequestIds()
        answer = self.app_state["refuser"].answer(ids, error, None)
        headers = [("content-length", str(len(answer.body))), ("connection", "close"), *answer.headers.items()]
        facts = {"status": answer.status, "code": answer.code, "client": self.client and self.client[0]}
        self.app_state["observer"].request_ended("none", answer.status, answer.code)
        log.info("malformed request", extra={**facts, "request_id": ids.request_id, "log_id": ids.log_id})
        try:
            for event in (
                h11.Response(status_code=answer.status, headers=headers, reason=HTTPStatus(answer.status).phrase),
                h11.Data(data=answer.body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        except h11.LocalProtocolError:
            # An answer is already on its way: nothing more can be said on this connection.
            pass
        self.transport.close()

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self._head_overdue)

    def _head_overdue(self) -> None:
        self._head_timer = None
        if self.transport.is_closing() or not self.awaits_head:
            return
        begun, _ = self.conn.trailing_data
        if begun:
            self._refuse(Refused(Reason.HEAD_OVERDUE, "The request did not arrive in time."))
        else:
            self.transport.close()

    def _watch_client(self) -> None:
        """Look now and then whether the client takes what it is sent; closing alone would wait for it for ever."""
        unsent = self.transport.get_write_buffer_size()
        if self._unsent and unsent > self._unsent - STALL_BYTES:
            log.info("client takes nothing", extra={"client": self.client and self.client[0]})
            self.transport.abort()
            return
        self._unsent = unsent
        self._stall_timer = self.loop.call_later(self.stall_seconds, self._watch_client)

    def _make_room(self) -> None:
        idle = [one for one in self.connections if isinstance(one, EnvelopeH11Protocol) and one.awaits_head]
        oldest = min((one for one in idle if not one.transport.is_closing()), key=lambda one: one.idle_since)
        if oldest is self:
            busy = Refused(Reason.TOO_MANY_CONNECTIONS, "Too many connections.", {"Retry-After": "1"})
            self._refuse(busy)
        else:
            oldest.transport.close()

    def _cancel_timers(self) -> None:
        for timer in (self._head_timer, self._stall_timer):
            if timer:
                timer.cancel()
        self._head_timer = self._stall_timer = None


def limited_protocol(max_connections: int) -> type[EnvelopeH11Protocol]:
    """The protocol for a server that takes so many connections at a time."""
    return type("LimitedProtocol", (EnvelopeH11Protocol,), {"max_connections": max_connections})
