"""Read the small part of YAML that people write by hand, and remember the position of every value.

Aliases, tags and several documents are refused: they let a small file mean something large or surprising.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import NoReturn

import yaml

from mirrorlist.core.errors import Finding, MirrorlistError, Severity
from mirrorlist.sources.yaml.documents import (
    BOOLEAN_WORDS,
    START,
    Code,
    Document,
    Pointer,
    Position,
    Value,
    finding,
    plain_scalar,
    shown,
    spelled,
)

# libyaml's complaints in words for somebody who writes YAML once a year.

_REMEDIES = {
    "mapping values are not allowed in this context": "put a value that holds ': ' in quotes, "
    "or check the indentation of this line",
    "found character that cannot start any token": "indent with blanks, not tabs, and put a value "
    "that begins with @, ` or % in quotes",
    "could not find expected ':'": "every line needs 'key: value'; write the colon and a blank",
    "did not find expected key": "check the indentation: keys of one level begin in one column",
    "did not find expected ',' or ']'": "close the list with ']'",
    "did not find expected ',' or '}'": "close the mapping with '}'",
    "found unexpected end of stream": "close the quotes",
    "did not find expected '-' indicator": "check the indentation: every entry of a list begins with '- '",
    "did not find expected <document start>": "check the quotes and the indentation of this line, and write it above "
    "a line '...', which ends the file",
    "block sequence entries are not allowed in this context": "begin the list in a line of its own",
    "did not find expected alphabetic or numeric character": "put a value that begins with * or & in quotes",
}

NOTICED_LATE = frozenset(
    {
        "could not find expected ':'",
        "did not find expected ',' or ']'",
        "did not find expected ',' or '}'",
        "found unexpected end of stream",
    }
)
"""Complaints that point to where the parser gave up; what they are about began earlier."""


def syntax_message(error: yaml.MarkedYAMLError) -> str:
    """The parser's words and, where it is known, what to do."""
    said = " ".join(part for part in (error.context, error.problem) if part) or "it cannot be understood"
    remedy = _REMEDIES.get(error.problem or "", "check this line and the one above it")
    return f"this is not YAML: {said}; {remedy}"


MAX_BYTES = 64 * 1024
MAX_DEPTH = 20

# YAML 1.1, section 5.1, without the C1 control U+0085; surrogates cannot come out of UTF-8.
_FORBIDDEN = re.compile("[^\t\n\r -~\xa0-\ufffd\U00010000-\U0010ffff]")
_LINE_BREAK = re.compile("\r\n|[\r\n\u2028\u2029]")
_BOM = b"\xef\xbb\xbf"


class _Refused(MirrorlistError):
    """The file cannot be used; ``args`` are the place, the code and the message."""

    def __init__(self, place: Position, code: Code, message: str) -> None:
        super().__init__(message)
        self.place, self.code, self.message = place, code, message


def read_yaml(data: bytes, path: str, max_bytes: int = MAX_BYTES) -> Document:
    """The mapping that the bytes describe, or a document without root whose last finding says why not.

    Never raises. Of a key given twice the later value counts, with a warning.
    """
    tree = _Tree(path)
    try:
        tree.grow(_decoded(data, max_bytes))
        root = tree.mapping()
    except _Refused as refusal:
        fault = finding(path, refusal.place, Severity.ERROR, refusal.code, refusal.message)
        return Document(path, None, findings=(*tree.findings, fault))
    return Document(path, root, tree.places, tree.key_places, frozenset(tree.bare_words), tuple(tree.findings))


def read_leniently(data: bytes, path: str) -> Document:
    """As ``read_yaml``; a file that is refused for bytes or tabs that have one meaning is read, with a warning."""
    refused = document = read_yaml(data, path)
    told: tuple[Finding, ...] = ()
    for code, mend in ((Code.NOT_UTF8, _in_utf8), (Code.YAML_SYNTAX, _without_tabs)):
        if document.root is None and document.findings[-1].code == code and (mended := mend(data)) != data:
            told += (replace(document.findings[-1], severity=Severity.WARNING),)
            data, document = mended, read_yaml(mended, path)
    return refused if document.root is None else replace(document, findings=(*told, *document.findings))


_BYTE = re.compile("[\udc80-\udcff]")
_TABBED = re.compile(rb"^ *\t[ \t]*(?=[^\s#])", re.MULTILINE)


def _in_utf8(data: bytes) -> bytes:
    """With letters of Windows-1252, as old editors save accents, in place of bytes that are not UTF-8."""
    text = data.decode("utf-8", "surrogateescape")
    return _BYTE.sub(lambda found: bytes([ord(found[0]) - 0xDC00]).decode("cp1252", "replace"), text).encode()


def _without_tabs(data: bytes) -> bytes:
    """With a blank for each tab that indents, so that all keep their columns."""
    return _TABBED.sub(lambda found: b" " * len(found[0]), data)


def _decoded(data: bytes, max_bytes: int) -> str:
    if len(data) > max_bytes:
        message = f"the file is larger than {max_bytes} bytes; remove what is not needed"
        raise _Refused(START, Code.FILE_TOO_LARGE, message)
    data = data.removeprefix(_BOM)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        place = place_of_index(data[: error.start].decode("utf-8"), error.start)
        message = f"the byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise _Refused(place, Code.NOT_UTF8, message) from None
    if found := _FORBIDDEN.search(text):
        _refuse_character(place_of_index(text, found.start()), found[0])
    return text


def place_of_index(text: str, index: int) -> Position:
    """The line and column of a character."""
    head = text[:index]
    breaks = list(_LINE_BREAK.finditer(head))
    return Position(len(breaks) + 1, len(head) - (breaks[-1].end() if breaks else 0) + 1)


@dataclass(slots=True)
class _Frame:
    """A list or mapping that is being filled; ``key`` is set while a mapping waits for its value."""

    pointer: Pointer
    container: list[Value] | dict[str, Value]
    key: str | None = None


@dataclass(slots=True)
class _Tree:
    """Grows the values from libyaml's events, with an explicit stack: depth costs no recursion."""

    path: str
    places: dict[Pointer, Position] = field(default_factory=dict)
    key_places: dict[Pointer, Position] = field(default_factory=dict)
    bare_words: set[Pointer] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    frames: list[_Frame] = field(default_factory=list)
    root: Value = None
    documents: int = 0
    further: Position | None = None
    """Where a document after the first one begins, until it is known whether that is empty."""

    def grow(self, text: str) -> None:
        """Take in all events of the text; a broken rule ends it with ``_Refused``."""
        try:
            for event in yaml.parse(text, Loader=yaml.CSafeLoader):
                self._take(event)
        except yaml.MarkedYAMLError as error:
            # of something that is not closed, libyaml notices the end only
            noticed_late = error.problem in NOTICED_LATE
            mark = error.context_mark if noticed_late else error.problem_mark or error.context_mark
            place = Position(mark.line + 1, mark.column + 1) if mark else START
            raise _Refused(place, Code.YAML_SYNTAX, syntax_message(error)) from None
        except yaml.YAMLError:
            raise _Refused(START, Code.YAML_SYNTAX, "the file is not YAML") from None

    def mapping(self) -> dict[str, Value]:
        """The whole file, which has to be a mapping."""
        if self.root is None:
            _refuse(START, Code.EMPTY_FILE, "the file says nothing; write at least the required keys")
        if not isinstance(self.root, dict):
            message = f"the file is {shown(self.root)}; write keys and values, such as 'name: ...'"
            _refuse(self.places[()], Code.NOT_A_MAPPING, message)
        return self.root

    def _take(self, event: yaml.Event) -> None:
        if self.further and isinstance(event, yaml.NodeEvent):
            place, self.further = self.further, None
            is_empty = isinstance(event, yaml.ScalarEvent) and not event.value and event.implicit[0]
            if self.root is not None and not is_empty:
                _refuse(place, Code.SEVERAL_DOCUMENTS, "a second document begins here; write one file for each")
            message = "an empty document is here; remove the line '---'"
            self.findings.append(finding(self.path, place, Severity.WARNING, Code.SEVERAL_DOCUMENTS, message))
            if is_empty:
                return
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self.frames.pop()
        elif isinstance(event, yaml.AliasEvent):
            _refuse_alias(_place(event), "*")
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self.further = _place(event)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        _refuse_decoration(event)
        if found := _FORBIDDEN.search(event.value):  # written as an escape: the text itself has none
            _refuse_character(_place(event), found[0])
        top = self.frames[-1] if self.frames else None
        if top and isinstance(top.container, dict) and top.key is None:
            pointer, place = (*top.pointer, event.value), _place(event)
            if event.value in top.container:
                first = self.key_places[pointer].line
                message = f"{spelled(pointer)} is in line {first} already; the later value counts; remove one"
                self.findings.append(finding(self.path, place, Severity.WARNING, Code.DUPLICATE_KEY, message))
            top.key = event.value
            self.key_places[pointer] = place
        else:
            plain = event.implicit[0]
            pointer = self._value(event, plain_scalar(event.value) if plain else event.value)
            if plain and event.value.lower() in BOOLEAN_WORDS:
                self.bare_words.add(pointer)
            else:
                self.bare_words.discard(pointer)

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        _refuse_decoration(event)
        if len(self.frames) >= MAX_DEPTH:
            message = f"values are nested more than {MAX_DEPTH} deep; write them flat"
            _refuse(_place(event), Code.TOO_DEEP, message)
        container: list[Value] | dict[str, Value] = {} if isinstance(event, yaml.MappingStartEvent) else []
        pointer = self._value(event, container)
        self.frames.append(_Frame(pointer, container))

    def _value(self, event: yaml.Event, value: Value) -> Pointer:
        """Put a value where it belongs and return the way to it."""
        pointer = self._put(event, value)
        self.places[pointer] = _place(event)
        return pointer

    def _put(self, event: yaml.Event, value: Value) -> Pointer:
        if not self.frames:
            self.root = value
            return ()
        frame = self.frames[-1]
        if isinstance(frame.container, list):
            frame.container.append(value)
            return (*frame.pointer, len(frame.container) - 1)
        if frame.key is None:
            _refuse(_place(event), Code.COMPLEX_KEY, "a list or mapping is used as a key; write a word")
        key, frame.key = frame.key, None
        frame.container[key] = value
        return (*frame.pointer, key)


def _place(event: yaml.Event) -> Position:
    mark = event.start_mark
    return Position(mark.line + 1, mark.column + 1) if mark else START


def _refuse(place: Position, code: Code, message: str) -> NoReturn:
    raise _Refused(place, code, message)


def _refuse_character(place: Position, character: str) -> NoReturn:
    message = f"the file has the character U+{ord(character):04X}, which no text needs; remove it"
    _refuse(place, Code.CONTROL_CHARACTER, message)


def _refuse_decoration(event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
    if event.anchor is not None:
        _refuse_alias(_place(event), "&")
    if event.tag is not None:
        message = f"the tag {shown(event.tag)} is not used here; leave it out, or put the value in quotes"
        _refuse(_place(event), Code.YAML_TAG, message)


def _refuse_alias(place: Position, sign: str) -> NoReturn:
    message = f"'{sign}' makes an anchor or alias, which is not used here; write the value out, or in quotes"
    _refuse(place, Code.YAML_ALIAS, message)
