"""XML edited in place: parsed by expat within bounds, and given back with some of its bytes left out or replaced."""

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
# Applied to a start tag that expat has found well-formed.
_ATTRIBUTE = re.compile(rb"""\s+([^\s=/>]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_XMLNS = "xmlns"


class BadMarkup(ValueError):
    """The XML is not well-formed, too large or too deep, or has a document type."""


class Allowance:
    """How many elements and attributes of one file may still be read, in however many packets they are."""

    def __init__(self) -> None:
        self._elements, self._attributes = MAX_ELEMENTS, MAX_ATTRIBUTES

    def take(self, attributes: int) -> None:
        """Count one element with so many attributes. Raises BadMarkup when too few are left."""
        self._elements -= 1
        self._attributes -= attributes
        if self._elements < 0 or self._attributes < 0:
            raise BadMarkup("too many elements or attributes")


@dataclass(frozen=True, slots=True)
class Property:
    """An attribute, or an element without child elements: its name, all of it, and its value, as slices of the bytes.

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
    """What is to change: slices of the bytes, and what takes their place."""

    changes: list[tuple[slice, bytes]] = field(default_factory=list)

    def replace(self, where: slice, by: bytes = b"") -> None:
        """Note one change. A change within one that has been noted as a whole must not be noted as well."""
        self.changes.append((where, by))

    def applied(self, data: bytes) -> bytes:
        """Give the data with all changes made; of changes inside one another the outer one counts."""
        parts, at = [], 0
        for where, by in sorted(self.changes, key=lambda change: (change[0].start, -change[0].stop)):
            if where.start >= at:
                parts += [data[at : where.start], by]
                at = where.stop
        return b"".join((*parts, data[at:]))


class Reader:
    """Reads XML in UTF-8 and reports its properties, in the order of their ends."""

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
        """Take data, of at most MAX_BYTES.

        usual: the namespaces that prefixes stand for where the data don't declare them. removes: tells by their name
        elements and attributes that are to be removed with all they contain; that is noted in edits, and nothing
        within is reported. found: is called for every other property. allowance: of the file that the data are from.
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
        """The attributes of the start tag that begins at start, and where it ends. length: of its name."""
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
    """The namespaces that an element declares, by prefix; the empty prefix is the default namespace's."""
    pairs = zip(attributes[::2], attributes[1::2], strict=True)
    return {
        written.removeprefix(_XMLNS).removeprefix(":"): uri
        for written, uri in pairs
        if written == _XMLNS or written.startswith(_XMLNS + ":")
    }
