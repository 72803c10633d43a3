"""The files of a module's tree and the mirrors that hold each: look-ups in mapped arrays.

Files are numbered in the order of their directories, then names. ``core/files/build.py`` makes the arrays.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import reduce
from operator import and_, or_
from zlib import crc32

from mirrorlist.core.container import FileKind, Values

# Which mirrors have a file: bits of an index, read by the mirrors' numbers in a snapshot.


class Holding(Enum):
    """Whether a mirror has a file; the value is what people read."""

    HAS = "has it"
    LACKS = "does not have it"
    UNKNOWN = "not indexed"


@dataclass(frozen=True, slots=True)
class Holders:
    """Which mirrors have one file, by their numbers in the snapshot. Bits are those of the index."""

    bits: Sequence[int | None]
    """By a mirror's number in the snapshot: its bit in the masks, None where the index does not know it."""
    having: int
    known: int

    def of(self, mirror: int) -> Holding:
        """Whether the mirror of this number has the file."""
        bit = self.bits[mirror]
        if bit is None or not self.known >> bit & 1:
            return Holding.UNKNOWN
        return Holding.HAS if self.having >> bit & 1 else Holding.LACKS

    def lack(self, mirror: int) -> bool:
        """Whether the mirror of this number is known not to have the file."""
        return self.of(mirror) is Holding.LACKS

    def mirrors(self, holding: Holding) -> list[int]:
        """The numbers of all mirrors of the snapshot in this state."""
        return [number for number in range(len(self.bits)) if self.of(number) is holding]


KIND = FileKind(b"MIRRFIL\n", 2, "file index")
UNKNOWN = -1
"""What an array holds where the origin's list gives no size or time."""
ARRAYS = {
    "directory_start": "I", "directories": "B", "first_file": "I", "directory_of": "I", "name_start": "I",
    "names": "B", "sizes": "q", "mtimes": "q", "checksum_of": "I", "checksums": "B", "bucket_start": "I",
    "buckets": "I", "holders_of": "I", "holders": "B", "sha512_of": "I", "sha512s": "B", "pieces_of": "I",
    "piece_lengths": "q", "piece_start": "I", "pieces": "B",
}  # fmt: skip
SHA256_BYTES = 32
SHA512_BYTES = 64
MOST_LINKS = 8
"""The most symbolic links that one path may go through."""


@dataclass(frozen=True, slots=True)
class FilePieces:
    """A file in pieces of ``length`` bytes, the last perhaps shorter: their SHA-256, one after another."""

    length: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class File:
    """One file as the origin has it: its path below the tree, bytes, seconds since 1970; None is unknown."""

    path: str
    size: int | None = None
    mtime: int | None = None
    sha256: bytes | None = None
    sha512: bytes | None = None
    pieces: FilePieces | None = None


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """What a directory holds: a file with its ``number``, or a directory, which has none."""

    name: str
    number: int | None = None
    size: int | None = None
    mtime: int | None = None

    @property
    def is_directory(self) -> bool:
        """Whether it is a directory."""
        return self.number is None


@dataclass(frozen=True, slots=True)
class Indexed:
    """A mirror as the index knows it.

    ``listed_at`` is when its files were listed last, None for never, and ``complete`` is false where it was only
    asked for single files. ``why`` says what went wrong in the last try. ``outdated_since``: it is behind the
    origin since then, for longer than is allowed, and counts as lacking every file. It holds ``held`` of the ``known``
    files, those of which anything is known. ``offset``: seconds by which all its times are off, None if they are not.
    ``asked``: files that were asked for over the web; ``wrong`` of them differ from the origin's.
    ``doubted``: its web server contradicts its list, which counts for nothing.
    """

    name: str
    listed_at: float | None = None
    complete: bool = True
    held: int = 0
    outdated_since: float | None = None
    why: str = ""
    known: int | None = None
    offset: int | None = None
    asked: int = 0
    wrong: int = 0
    doubted: bool = False


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """What an index says of itself. ``listed_at`` is when the origin was listed.

    ``remarks`` are for the operator: what most mirrors contradict the origin in.
    """

    module: str
    built_at: float
    listed_at: float
    source: str
    mirrors: tuple[Indexed, ...]
    links: Mapping[str, str] = field(default_factory=dict)
    """Symbolic links inside the tree: path to the path that it leads to."""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileIndex:
    """One module's index. ``bits`` ties it to the mirrors of one snapshot; see ``bound``."""

    facts: IndexFacts
    digest: str
    arrays: Mapping[str, Values]
    bits: Sequence[int | None] = ()

    def __len__(self) -> int:
        return len(self.arrays["sizes"])

    def bound(self, mirrors: Sequence[str]) -> FileIndex:
        """The same index for a snapshot whose mirrors have these names, in the order of their numbers."""
        bits = {mirror.name: bit for bit, mirror in enumerate(self.facts.mirrors)}
        return replace(self, bits=tuple(bits.get(name) for name in mirrors))

    def find(self, path: str) -> int | None:
        """The number of the file at a path below the tree, without a leading slash; None if there is none.

        A path through a symbolic link finds the file it leads to, whose own path ``file`` returns.
        """
        number = self._find(path)
        if number is None and self.facts.links and (real := self.real_path(path)) != path:
            return self._find(real)
        return number

    def real_path(self, path: str) -> str:
        """The path without the symbolic links in it, as far as they lead inside the tree."""
        links = self.facts.links
        for _ in range(MOST_LINKS):
            parts = path.split("/")
            heads = ("/".join(parts[:count]) for count in range(1, len(parts) + 1))
            head = next((head for head in heads if head in links), None)
            if head is None:
                break
            path = links[head] + path[len(head) :]
        return path

    def _find(self, path: str) -> int | None:
        key = path.encode("utf-8", "surrogatepass")
        if key.startswith(b"/"):
            return None
        directory, _, name = key.rpartition(b"/")
        starts = self.arrays["bucket_start"]
        bucket = crc32(key) & (len(starts) - 2)
        for number in self.arrays["buckets"][starts[bucket] : starts[bucket + 1]]:
            if self._name(number) == name and self._directory(self.arrays["directory_of"][number]) == directory:
                return number
        return None

    def file(self, number: int) -> File:
        """The file of this number."""
        directory = self._directory(self.arrays["directory_of"][number])
        name = self._name(number)
        return File(
            (directory + b"/" + name if directory else name).decode(),
            _known(self.arrays["sizes"][number]),
            _known(self.arrays["mtimes"][number]),
            self.sha256(number),
            self._checksum(number, "sha512_of", "sha512s", SHA512_BYTES),
            self._pieces(number),
        )

    def sha256(self, number: int) -> bytes | None:
        """The checksum of the file of this number, where it is known."""
        return self._checksum(number, "checksum_of", "checksums", SHA256_BYTES)

    def holders(self, number: int) -> Holders:
        """Which mirrors of the snapshot have the file of this number."""
        return Holders(self.bits, *self._masks(self.arrays["holders_of"][number]))

    def _masks(self, row: int) -> tuple[int, int]:
        """A row of holders as bits: those that have the file, and those of which it is known."""
        width = (len(self.facts.mirrors) + 7) // 8
        at, data = row * 2 * width, self.arrays["holders"]
        return (
            int.from_bytes(data[at : at + width], "little"),
            int.from_bytes(data[at + width : at + 2 * width], "little"),
        )

    def holders_below(self, directory: str) -> tuple[Holders, Holders]:
        """Which mirrors have something of what is below a directory, at any depth, and which have all that is right
        in it. The root is the empty text."""
        key = self.real_path(directory).encode("utf-8", "surrogatepass")
        first, count = self.arrays["first_file"], len(self.arrays["first_file"]) - 1
        number = self.directory_number(key)
        here = range(0) if number is None else range(first[number], first[number + 1])
        deeper = range(count)
        if key:
            low = bisect_left(deeper, key + b"/", key=self._directory)
            deeper = range(low, bisect_left(deeper, key + b"0", lo=low, key=self._directory))
        below = range(first[deeper.start], first[deeper.stop])
        some, all_ = self._sets((*here, *below)), self._sets(here)
        known = reduce(and_, (known for _, known in some)) if some else 0
        lacking = reduce(or_, (known & ~having for having, known in all_), 0)
        return (
            Holders(self.bits, reduce(or_, (having for having, _ in some), 0), known),
            Holders(self.bits, ~lacking, reduce(or_, (known for _, known in all_), 0)),
        )

    def _sets(self, numbers: Iterable[int]) -> list[tuple[int, int]]:
        """The distinct sets of holders of some files: bits of those that have them, and of those known."""
        return [self._masks(row) for row in {self.arrays["holders_of"][number] for number in numbers}]

    def entries(self, directory: str) -> Sequence[DirectoryEntry] | None:
        """What a directory holds, directories first, each by name; None if there is no such directory.

        The root is the empty text; a slash at the end is allowed. Symbolic links count as what they lead to.
        """
        path = self.real_path(directory.rstrip("/"))
        key = path.encode("utf-8", "surrogatepass")
        number = self.directory_number(key)
        names = {name.decode() for name in self._directories_in(key)}
        first = self.arrays["first_file"]
        files = [] if number is None else [self._entry(file) for file in range(first[number], first[number + 1])]
        if path and not names and not files:
            return None
        above = f"{path}/" if path else ""
        links = (link for link in self.facts.links if link.startswith(above) and "/" not in link[len(above) :])
        for link in links:
            name, real = link[len(above) :], self.real_path(link)
            real_key = real.encode("utf-8", "surrogatepass")
            if (file := self._find(real)) is not None:
                files.append(replace(self._entry(file), name=name))
            elif self.directory_number(real_key) is not None or self._directories_in(real_key):
                names.add(name)
        return (*map(DirectoryEntry, sorted(names)), *sorted(files, key=lambda entry: entry.name))

    def _entry(self, number: int) -> DirectoryEntry:
        size, mtime = self.arrays["sizes"][number], self.arrays["mtimes"][number]
        return DirectoryEntry(self._name(number).decode(), number, _known(size), _known(mtime))

    def _directories_in(self, key: bytes) -> list[bytes]:
        """The names of the directories right below one, found without walking what lies deeper."""
        prefix = key + b"/" if key else b""
        count = len(self.arrays["first_file"]) - 1
        at = bisect_left(range(count), prefix, key=self._directory)
        names: set[bytes] = set()
        while at < count and (path := self._directory(at)).startswith(prefix):
            name, slash, _ = path[len(prefix) :].partition(b"/")
            if name:
                names.add(name)
            beyond = prefix + name + b"0"  # the byte after the slash: behind all that lies in this directory
            at = bisect_left(range(count), beyond, lo=at + 1, key=self._directory) if slash else at + 1
        return sorted(names)

    def directory_number(self, key: bytes) -> int | None:
        """The number of a directory that has files, by its path as bytes, without slashes at its ends."""
        count = len(self.arrays["first_file"]) - 1
        at = bisect_left(range(count), key, key=self._directory)
        return at if at < count and self._directory(at) == key else None

    def _directory(self, number: int) -> bytes:
        starts = self.arrays["directory_start"]
        return self.arrays["directories"][starts[number] : starts[number + 1]].tobytes()

    def _name(self, number: int) -> bytes:
        starts = self.arrays["name_start"]
        return self.arrays["names"][starts[number] : starts[number + 1]].tobytes()

    def _checksum(self, number: int, rows: str, values: str, length: int) -> bytes | None:
        end = self.arrays[rows][number] * length
        return self.arrays[values][end - length : end].tobytes() if end else None

    def _pieces(self, number: int) -> FilePieces | None:
        row = self.arrays["pieces_of"][number]
        if not row:
            return None
        first, last = self.arrays["piece_start"][row - 1] * SHA256_BYTES, self.arrays["piece_start"][row] * SHA256_BYTES
        return FilePieces(self.arrays["piece_lengths"][row - 1], self.arrays["pieces"][first:last].tobytes())


def _known(value: int) -> int | None:
    return None if value == UNKNOWN else value
