"""The pipes of one worker: messages in both directions, and its standard error."""

import asyncio
import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import IO

from image_erase.jobs.frames import FrameDecoder, FrameError
from image_erase.jobs.messages import FromWorker, ToWorker, frame_of
from image_erase.jobs.pipe import Pipe, pipes_of
from image_erase.jobs.reading import message_of


class WorkerPipes:
    """Connects the pipes of a worker's process to the event loop.

    take: called with each message. lose: called with the reason if a message is invalid or there will be no more.
    output: called with what the worker writes to standard error.
    """

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        *,
        take: Callable[[FromWorker], None],
        lose: Callable[[str], None],
        output: Callable[[bytes], None],
    ) -> None:
        self._process, self._lose, self._output = process, lose, output
        self._messages = _Messages(take, lose)
        self._input: asyncio.WriteTransport | None = None
        self._outputs: list[asyncio.ReadTransport] = []
        self._unconnected: list[Pipe | IO[bytes]] = []
        self._stderr_ended = asyncio.Event()

    async def connect(self) -> None:
        """Start to read both outputs, and to write the input. Raises OSError."""
        loop, self._unconnected = asyncio.get_running_loop(), pipes_of(self._process)
        protocols = (
            lambda: _Output(self._output, self._stderr_ended.set),
            lambda: _Output(self._messages.feed, lambda: self._lose("ended")),
        )
        for protocol in protocols:
            transport, _ = await loop.connect_read_pipe(protocol, self._unconnected[0])
            self._outputs.append(transport)
            del self._unconnected[0]
        self._input, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, self._unconnected[0])
        del self._unconnected[0]

    def send(self, message: ToWorker) -> None:
        """Write a message; nothing if the pipes are not connected."""
        if self._input:
            for piece in frame_of(message).pieces():
                self._input.write(piece)

    async def read_rest(self, seconds: float) -> None:
        """Read the last output of a dying process, which is still in the pipe, at most for that long."""
        if self._outputs:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stderr_ended.wait(), seconds)

    def close(self) -> None:
        """Close all pipes, connected or not."""
        if self._input and not self._input.is_closing():
            self._input.abort()
        for transport in self._outputs:
            transport.close()
        for pipe in self._unconnected:  # the start was cancelled
            pipe.close()


class _Messages:
    """Decodes messages of a worker. take: called with each. lose: called with the reason if one is invalid."""

    def __init__(self, take: Callable[[FromWorker], None], lose: Callable[[str], None]) -> None:
        self._decoder, self._take, self._lose = FrameDecoder(), take, lose
        self._is_lost = False

    def feed(self, data: bytes) -> None:
        if self._is_lost:
            return
        try:
            for frame in self._decoder.feed(data):
                self._take(message_of(frame))
        except FrameError as error:
            self._is_lost = True
            self._lose(f"sent an invalid message ({error})")


class _Output(asyncio.Protocol):
    """A pipe from a worker, read continuously, so that the worker never blocks on it.

    take: called with the bytes. lost: called at the end.
    """

    def __init__(self, take: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        self._take, self._lost = take, lost

    def data_received(self, data: bytes) -> None:
        """Pass the bytes on."""
        self._take(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the end of the pipe."""
        self._lost()
