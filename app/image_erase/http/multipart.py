"""Read a multipart form as a stream into named parts in memory, within limits."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from image_erase.http.failures import Reason, Refused
from image_erase.http.files import FileField, Part
from image_erase.http.transfer_encoding import Decoder, decoder_for

# Allowance for part headers, boundaries and small unknown fields, in addition to the files.
BODY_OVERHEAD_BYTES = 64 * 1024
MAX_PARTS = 100
# Longer than any valid value of a text field; anything beyond is discarded.
MAX_TEXT_BYTES = 64
_EXTENDED_FILENAME = re.compile(r";\s*filename\*\s*=", re.IGNORECASE)


class Upload(NamedTuple):
    """The wanted parts of a body. files: parts by field name. texts: values by field name."""

    files: Mapping[str, Part]
    texts: Mapping[str, bytes]


class UploadReader:
    """Collects the wanted files and texts of one body, and refuses it as soon as it exceeds a limit.

    Parts of other fields are counted and discarded.
    """

    def __init__(self, fields: Sequence[FileField], max_file_bytes: int, texts: Sequence[str] = ()) -> None:
        """texts: the names of the text fields, of which at most MAX_TEXT_BYTES + 1 bytes each are kept."""
        self._fields = {name: wanted for wanted in fields for name in wanted.names}
        self._wanted = fields
        self._text_names = frozenset(texts)
        self._texts: dict[str, bytearray] = {}
        self._max_file_bytes = max_file_bytes
        #: The most bytes of a whole body.
        self.max_body_bytes = len(fields) * max_file_bytes + BODY_OVERHEAD_BYTES
        self._received = 0
        self._parts = 0
        self._files = 0
        self._found: dict[str, Part] = {}
        self._headers: dict[str, str] = {}
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._part: Part | None = None
        self._decoder: Decoder | None = None
        self._boundary = b""
        self._preamble: bytearray | None = bytearray()
        self._ended = False

    async def read(self, request: Request) -> Upload:
        """Read the request's body to its end.

        Raises Refused: NOT_MULTIPART, MALFORMED, BODY_TOO_LARGE, FILE_TOO_LARGE, TOO_MANY_FILES, FIELD_REPEATED,
        FILE_MISSING, FILE_EMPTY.
        Raises starlette's ClientDisconnect if the client disconnects.
        """
        parser = self._parser(request.headers.get("content-type", ""))
        self._refuse_announced_size(request.headers.get("content-length"))
        await self._feed(parser, request.stream())
        self._refuse_incomplete()
        return Upload(self._found, {name: bytes(text) for name, text in self._texts.items()})

    def _parser(self, content_type: str) -> MultipartParser:
        kind, options = parse_options_header(content_type)
        self._boundary = boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data" or not boundary:
            raise Refused(Reason.NOT_MULTIPART, "The body must be multipart/form-data with a boundary.")
        try:
            return MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError:
            raise Refused(Reason.MALFORMED, "The multipart boundary is too long.") from None

    def _refuse_announced_size(self, content_length: str | None) -> None:
        if content_length and content_length.isdecimal() and int(content_length) > self.max_body_bytes:
            raise self._body_too_large()

    def _body_too_large(self) -> Refused:
        return Refused(
            Reason.BODY_TOO_LARGE,
            f"The body may have at most {self.max_body_bytes} bytes, each file in it {self._max_file_bytes}.",
        )

    async def _feed(self, parser: MultipartParser, chunks: AsyncIterator[bytes]) -> None:
        async for chunk in chunks:
            self._received += len(chunk)
            if self._received > self.max_body_bytes:
                raise self._body_too_large()
            try:
                parser.write(self._after_preamble(chunk))
            except FormParserError:
                raise Refused(Reason.MALFORMED, "The multipart body cannot be parsed.") from None
        if not self._ended:
            raise Refused(Reason.MALFORMED, "The multipart body ends before its closing boundary.")

    def _after_preamble(self, chunk: bytes) -> bytes:
        """Return the chunk from the first boundary on: the preamble is ignored (RFC 2046, 5.1.1)."""
        if self._preamble is None:
            return chunk
        opening = b"\r\n--" + self._boundary
        # The body may start with the boundary, without a line break before it.
        seen = self._preamble or bytearray(b"\r\n")
        unsearched = max(0, len(seen) - len(opening))
        seen += chunk
        at = seen.find(opening, unsearched)
        if at >= 0:
            self._preamble = None
            return bytes(seen[at + 2 :])
        if len(seen) > BODY_OVERHEAD_BYTES:
            raise Refused(Reason.MALFORMED, "The multipart body does not begin with its boundary.")
        self._preamble = seen
        return b""

    def _refuse_incomplete(self) -> None:
        for wanted in self._wanted:
            if wanted.name not in self._found:
                raise Refused(Reason.FILE_MISSING, f"{wanted.name}: Cannot be empty.", field=wanted.name)
        for part in self._found.values():
            part.refuse_empty()

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise Refused(Reason.MALFORMED, f"The body may have at most {MAX_PARTS} parts.")
        self._headers = {}

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header_name.decode("latin-1").lower()] = self._header_value.decode("latin-1")
        self._header_name.clear()
        self._header_value.clear()

    def _on_headers_finished(self) -> None:
        disposition = self._headers.get("content-disposition", "")
        _, options = parse_options_header(disposition)
        self._part = Part(
            options.get(b"name", b"").decode("utf-8", "replace"),
            # The parser ignores the form `filename*=`, which some clients send alone.
            b"filename" in options or _EXTENDED_FILENAME.search(disposition) is not None,
            self._headers.get("content-type"),
        )
        self._decoder = decoder_for(self._headers.get("content-transfer-encoding", ""))
        self._admit(self._part)

    def _admit(self, part: Part) -> None:
        if part.name in self._text_names:
            self._admit_text(part.name)
            return
        wanted = self._fields.get(part.name)
        self._files += part.is_file or wanted is not None
        if self._files > len(self._wanted) or (wanted and wanted.name in self._found):
            accepted = " and ".join(item.name for item in self._wanted)
            detail = f"{part.name}: The request takes {accepted}, one file each."
            raise Refused(Reason.TOO_MANY_FILES, detail, field=part.name)
        if wanted:
            self._found[wanted.name] = part

    def _admit_text(self, name: str) -> None:
        if name in self._texts:
            raise Refused(Reason.FIELD_REPEATED, f"{name}: Must be given once.", field=name)
        self._texts[name] = bytearray()

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        self._take(self._decoder.feed(piece) if self._decoder else piece)

    def _on_part_end(self) -> None:
        if self._decoder:
            self._take(self._decoder.end())

    def _take(self, data: bytes) -> None:
        part = self._part
        if part is None:
            return
        if part.name in self._texts:
            text = self._texts[part.name]
            text += data[: MAX_TEXT_BYTES + 1 - len(text)]
        if part.name in self._fields:
            part.append(data, self._max_file_bytes)

    def _on_end(self) -> None:
        self._ended = True
