"""Edit XML in place: parse it by expat within limits, and remove or replace some of its bytes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from xml.parsers import expat

Name: TypeAlias = tuple[str, str]

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
MAX_ELEMENTS = 10_000
MAX_ATTRIBUTES = 20_000
# Only applied to start tags that expat has accepted.
_ATTRIBUTE = re.compile(rb"""\s+([^\s=/>]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_XMLNS = "xmlns"


class BadMarkup(ValueError):
    """The XML is not well-formed, too large or too deep, or has a document type."""


class Allowance:
    """The number of elements and attributes that may still be read, for all packets of one file together."""

    def __init__(self) -> None:
        self._elements, self._attributes = MAX_ELEMENTS, MAX_ATTRIBUTES

    def take(self, attributes: int) -> None:
        """Count one element and its attributes. Raises BadMarkup if the allowance is used up."""
        self._elements -= 1
        self._attributes -= attributes
        if self._elements < 0 or self._attributes < 0:
            raise BadMarkup("too many elements or attributes")


@dataclass(frozen=True, slots=True)
class Property:
    """An attribute, or an element without child elements: its name, and slices of its bytes and of its value.

    name: namespace and local name.
    """

    name: Name
    whole: slice
    value: slice


@dataclass(slots=True)
class _Element:
    name: Name
    start: int
    content: int
    prefixes: dict[str, str]
    removed: bool
    leaf: bool = True


@dataclass
class Edits:
    """The changes to make: slices of the bytes and their replacements."""

    changes: list[tuple[slice, bytes]] = field(default_factory=list)

    def replace(self, where: slice, by: bytes = b"") -> None:
        """Add a change. It must not lie within another one that replaces a whole element."""
        self.changes.append((where, by))

    def applied(self, data: bytes) -> bytes:
        """Return the data with all changes applied; of nested changes, only the outer one."""
        parts, at = [], 0
        for where, by in sorted(self.changes, key=lambda change: (change[0].start, -change[0].stop)):
            if where.start >= at:
                parts += [data[at : where.start], by]
                at = where.stop
        return b"".join((*parts, data[at:]))


class Reader:
    """Reads XML in UTF-8 and reports its properties, in the order in which they end."""

    def __init__(
        self,
        data: bytes,
        usual: Mapping[str, str],
        removes: Callable[[Name], bool],
        found: Callable[[Property], None],
        edits: Edits,
        *,
        allowance: Allowance,
    ) -> None:
        """data: at most MAX_BYTES.

        usual: the namespaces of prefixes that the data does not declare. removes: returns, by name, whether an element
        or attribute is to be removed with everything in it; this is added to the edits, and nothing inside is
        reported. found: called for every other property. allowance: of the file that contains the data.
        """
        self._data, self._usual, self._removes, self._found, self._edits = data, usual, removes, found, edits
        self._allowance = allowance
        self._open: list[_Element] = []
        self._parser = expat.ParserCreate("UTF-8")
        self._parser.ordered_attributes = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._refuse

    def read(self) -> None:
        """Read all of it. Raises BadMarkup."""
        if len(self._data) > MAX_BYTES:
            raise BadMarkup("too large")
        try:
            self._parser.Parse(self._data, True)
        except expat.ExpatError as error:
            raise BadMarkup(str(error)) from error

    def _refuse(self, *_: object) -> None:
        raise BadMarkup("a document type")

    def _start(self, written: str, attributes: list[str]) -> None:
        self._allowance.take(len(attributes) // 2)
        if len(self._open) >= MAX_DEPTH:
            raise BadMarkup("too deep")
        start = self._parser.CurrentByteIndex
        tag, end = self._tag(start, len(written.encode()))
        if self._open:
            self._open[-1].leaf = False
        element = _Element(("", ""), start, end, _declared(attributes), removed=False)
        self._open.append(element)
        element.name = self._name(written)
        element.removed = self._removes(element.name) or any(each.removed for each in self._open[-2:-1])
        if element.removed and len(self._open) == 1:
            raise BadMarkup("nothing would be left")
        for attribute in () if element.removed else tag:
            self._attribute(attribute)

    def _end(self, _: str) -> None:
        element = self._open.pop()
        at = self._parser.CurrentByteIndex
        empty = self._data[element.content - 2 : element.content] == b"/>"
        stop = element.content if empty else self._data.index(b">", at) + 1
        whole = slice(element.start, stop)
        if element.removed:
            self._edits.replace(whole)
        elif element.leaf and not empty:
            self._found(Property(element.name, whole, slice(element.content, at)))

    def _tag(self, start: int, length: int) -> tuple[list[re.Match[bytes]], int]:
        """Return the attributes and the end of the start tag at `start`. length: of its name."""
        attributes, at = [], start + 1 + length
        while found := _ATTRIBUTE.match(self._data, at):
            attributes.append(found)
            at = found.end()
        return attributes, self._data.index(b">", at) + 1

    def _attribute(self, found: re.Match[bytes]) -> None:
        written = found[1].decode()
        if written.partition(":")[0] == _XMLNS:
            return
        value = slice(*found.span(2 if found[2] is not None else 3))
        one = Property(self._name(written, attribute=True), slice(*found.span()), value)
        if self._removes(one.name):
            self._edits.replace(one.whole)
        else:
            self._found(one)

    def _name(self, written: str, *, attribute: bool = False) -> Name:
        prefix, _, local = written.rpartition(":")
        if attribute and not prefix:
            return "", local
        for element in reversed(self._open):
            if prefix in element.prefixes:
                return element.prefixes[prefix], local
        return self._usual.get(prefix, ""), local


def _declared(attributes: list[str]) -> dict[str, str]:
    """Return the namespaces that an element declares, by prefix; the empty prefix is the default namespace."""
    pairs = zip(attributes[::2], attributes[1::2], strict=True)
    return {
        written.removeprefix(_XMLNS).removeprefix(":"): uri
        for written, uri in pairs
        if written == _XMLNS or written.startswith(_XMLNS + ":")
    }
