"""Firefox as Playwright starts it, behind a relay that adapts the commands of one to the other.

Playwright drives a stock Firefox over WebDriver BiDi. It starts every context with a command for colour schemes,
which some versions of Firefox reject; the relay sends a command without effect instead. It identifies downloads by an
ID, which these versions do not send; the relay adds their URL as the ID.

    python -m support.bidi PROGRAM ARGUMENTS...
"""

import asyncio
import json
import re
import signal
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from typing import Any

Message = dict[str, Any]
Change = Callable[[Message], Message]

_LISTENS = re.compile(rb"(WebDriver BiDi listening on ws://127\.0\.0\.1:)(\d+)")
# Firefox refuses requests for another port than its own.
_HOST = re.compile(rb"(?i)(\r\nhost: [^\r:]+:)\d+")
_UNKNOWN, _HARMLESS = "emulation.setMediaFeaturesOverride", "session.status"
_DOWNLOAD = "browsingContext.download"
# RFC 6455, section 5.2: lengths from here on follow the second byte, in so many bytes.
_LONG = {126: 2, 127: 8}


def as_known(command: Message) -> Message:
    """Return a command of Playwright in the form that Firefox accepts."""
    return command | {"method": _HARMLESS, "params": {}} if command.get("method") == _UNKNOWN else command


def as_expected(event: Message) -> Message:
    """Return an event of Firefox in the form that Playwright accepts."""
    if not event.get("method", "").startswith(_DOWNLOAD):
        return event
    return event | {"params": {"download": event["params"]["url"]} | event["params"]}


async def relay_frame(reader: StreamReader, writer: StreamWriter, words: str, change: Change) -> None:
    """Forward a frame of a WebSocket, changed if it contains these words. Frames of the client stay masked."""
    first, second = await reader.readexactly(2)
    size = second & 0x7F
    if size in _LONG:
        size = int.from_bytes(await reader.readexactly(_LONG[size]))
    mask = await reader.readexactly(4) if second & 0x80 else bytes(4)
    payload = masked(await reader.readexactly(size), mask)
    if words.encode() in payload:
        payload = json.dumps(change(json.loads(payload))).encode()
    size = len(payload)
    short = min(size, 126 if size < 1 << 16 else 127)
    length = size.to_bytes(_LONG[short]) if short in _LONG else b""
    writer.write(bytes([first, short | second & 0x80]) + length)
    writer.write((mask if second & 0x80 else b"") + masked(payload, mask))
    await writer.drain()


def masked(payload: bytes, mask: bytes) -> bytes:
    """Mask or unmask bytes (RFC 6455, section 5.3)."""
    repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(len(payload))


async def relay_frames(reader: StreamReader, writer: StreamWriter, words: str, change: Change) -> None:
    """Forward frames until the connection ends."""
    while True:
        await relay_frame(reader, writer, words, change)


async def relay(port: int, reader: StreamReader, writer: StreamWriter) -> None:
    """Connect a client to Firefox until either ends the connection."""
    from_firefox, to_firefox = await asyncio.open_connection("127.0.0.1", port)
    to_firefox.write(_HOST.sub(rb"\g<1>%d" % port, await reader.readuntil(b"\r\n\r\n")))
    writer.write(await from_firefox.readuntil(b"\r\n\r\n"))
    both = [
        relay_frames(reader, to_firefox, _UNKNOWN, as_known),
        relay_frames(from_firefox, writer, _DOWNLOAD, as_expected),
    ]
    tasks = [asyncio.ensure_future(each) for each in both]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for each in (writer, to_firefox):
        each.close()


async def main(program: str, *arguments: str) -> int:
    """Run Firefox and print the address of the relay instead of that of Firefox."""
    process = await asyncio.create_subprocess_exec(program, *arguments, stderr=asyncio.subprocess.PIPE)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, process.terminate)
    assert process.stderr
    servers = []
    while line := await process.stderr.readline():
        if found := _LISTENS.search(line):
            port = int(found[2])
            server = await asyncio.start_server(lambda *pair: relay(port, *pair), "127.0.0.1", 0)  # noqa: B023
            servers.append(server)
            line = _LISTENS.sub(rb"\g<1>%d" % server.sockets[0].getsockname()[1], line)
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
    return await process.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
