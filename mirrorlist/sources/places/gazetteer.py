"""Coordinates of cities and states by name: the GeoNames table that comes with the package.

Each country is a block of its own, unpacked when the first of its places is asked for. Names are found by a
search of the block's text, which is faster than building an index for the few names that are asked.
The file is written by scripts/build-gazetteer.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import msgspec
import numpy as np

from mirrorlist.core.memo import Memo
from mirrorlist.core.network.geo import vector
from mirrorlist.sources.places.countries import city_spellings, folded, joined_spellings, state_spellings

DEGREES = 0.01
"""The unit of the table's latitudes and longitudes: about a kilometre."""

DOUBLING = 10
"""The table's populations are the logarithm to the base 2, times this."""

NO_STATE = 0


class Point(NamedTuple):
    """A place in degrees."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Province:
    """A first-level part of a country. ``number`` counts inside the country; ``centre`` is its people's."""

    number: int
    centre: Point


@dataclass(frozen=True, slots=True)
class City:
    """A city. ``state`` is the number of its state, or NO_STATE; the population is within 4 %."""

    state: int
    place: Point
    population: int


class Block(msgspec.Struct, frozen=True, array_like=True):
    """What the file knows of one country: cities by folded name, the most populous of one name first.

    ``names`` has one line a city. ``short_names`` and ``alternates`` have the further names of the same city
    between tabs: those that are a part of its name (Frankfurt, of Frankfurt am Main), and the others. The columns
    hold one number a city: the state in a byte, degrees in little-endian 16 bits, the population in a byte.
    ``state_names`` leads from a folded name or ISO 3166-2 code to the states that it may mean; state n is
    at n - 1 of ``state_centres``, in the units of the columns.
    """

    names: bytes
    short_names: bytes
    alternates: bytes
    states: bytes
    latitudes: bytes
    longitudes: bytes
    populations: bytes
    state_names: dict[str, list[int]]
    state_centres: list[tuple[int, int]]


class Index(msgspec.Struct, frozen=True):
    """The beginning of the file: which data it holds, continents' centres, and where each country's block is."""

    source: str
    continents: dict[str, tuple[float, float]]
    blocks: dict[str, tuple[int, int]]


MOST_KEPT = 8192
MOST_APART, LEAST_ALIKE = 3, 0.75
"""How names may differ that are spellings of one: in letters, and as difflib measures."""
LONGEST_KEPT = 100
"""Characters; no city's name is longer."""


class Gazetteer:
    """The table; ``data`` is the whole file. Asking it for a country that it does not know finds nothing."""

    def __init__(self, data: bytes) -> None:
        length = int.from_bytes(data[:4], "little")
        self._index = msgspec.msgpack.decode(data[4 : 4 + length], type=Index)
        self._body = memoryview(data)[4 + length :]
        self._blocks: dict[str, Block] = {}
        self._joined_blocks: dict[str, Block] = {}
        self._found = Memo(self._cities, MOST_KEPT, lambda named: len(named[1]) <= LONGEST_KEPT)

    @property
    def source(self) -> str:
        """Which data it was made of, and when."""
        return self._index.source

    @property
    def continents(self) -> Mapping[str, tuple[float, float]]:
        """Where the people of each continent live."""
        return self._index.continents

    def states(self, country: str, text: str) -> tuple[Province, ...]:
        """The states of this name or code, the likeliest first; codes are compared whole, never as parts.

        More than one is meant by the name that a capital shares with the region around it.
        """
        block = self._block(country)
        if block is None:
            return ()
        spellings = state_spellings(text)
        numbers = next((known for each in spellings if (known := block.state_names.get(each))), None)
        if numbers is None:
            joined = self._joined_up(country).state_names
            numbers = next((known for each in map(_joined, spellings) if (known := joined.get(each))), [])
        return tuple(Province(number, _point(*block.state_centres[number - 1])) for number in numbers)

    def cities(self, country: str, text: str) -> tuple[City, ...]:
        """The cities of this name, the largest first; those that only an unlike further name has come last.

        A spelling that is nearer to the text hides the cities that are known by a farther one; the farthest is that
        without blanks, by which NewYork and L Aquila are found. What was found is kept: the same files are read for
        every generation, and half of its time went into these searches.
        """
        return self._found[country, text]

    def _cities(self, named: tuple[str, str]) -> tuple[City, ...]:
        country, text = named
        block = self._block(country)
        if block is None:
            return ()
        found = next((cities for each in city_spellings(text) if (cities := _named(block, each))), ())
        if found:
            return found
        joined = self._joined_up(country)
        return next((cities for each in joined_spellings(text) if (cities := _named(joined, each))), ())

    def near_city(self, country: str, text: str) -> str | None:
        """The name of the city that a mistyped one is nearest to; None where none is near."""
        block, word = self._block(country), folded(text[:LONGEST_KEPT])
        if block is None or not word:
            return None
        names = [name for name in block.names.decode().split("\n") if name and abs(len(name) - len(word)) < MOST_APART]
        return next((name.title() for name in get_close_matches(word, names, n=1, cutoff=LEAST_ALIKE)), None)

    def city_near(self, country: str, point: Point, within: float) -> str | None:
        """The most populous city around a point, ``within`` degrees of it; None where there is none."""
        block = self._block(country)
        if block is None:
            return None
        east = max(np.cos(np.radians(point.latitude)), 0.01)
        found = (
            (population, row)
            for row, population in enumerate(block.populations)
            if abs((place := _place(block, row)).latitude - point.latitude) <= within
            and abs(place.longitude - point.longitude) * east <= within
        )
        most = max(found, default=None)
        return None if most is None else block.names.decode().strip("\n").split("\n")[most[1]].title()

    def nearest(self, country: str, state: Province | None, point: Point) -> Point | None:
        """The city of a country, or of a state, that is nearest to a point."""
        block = self._block(country)
        if block is None:
            return None
        rows = np.arange(len(block.states))
        if state is not None:
            rows = rows[np.frombuffer(block.states, dtype=np.uint8) == state.number]
        if not len(rows):
            return None
        # the chord to each city, squared: it grows with the distance
        phi = np.radians(np.frombuffer(block.latitudes, dtype="<i2") * DEGREES)
        lam = np.radians(np.frombuffer(block.longitudes, dtype="<i2") * DEGREES)
        x, y, z = vector(*point)
        far = (np.cos(phi) * np.cos(lam) - x) ** 2 + (np.cos(phi) * np.sin(lam) - y) ** 2 + (np.sin(phi) - z) ** 2
        return _place(block, int(rows[np.argmin(far[rows])]))

    def _joined_up(self, country: str) -> Block:
        """A country's block with names that have no blanks."""
        if country not in self._joined_blocks:
            block = self._blocks[country]
            names, short_names, alternates = (
                text.replace(b" ", b"") for text in (block.names, block.short_names, block.alternates)
            )
            states: dict[str, list[int]] = {}
            for name, numbers in block.state_names.items():
                states.setdefault(_joined(name), numbers)
            self._joined_blocks[country] = msgspec.structs.replace(
                block, names=names, short_names=short_names, alternates=alternates, state_names=states
            )
        return self._joined_blocks[country]

    def _block(self, country: str) -> Block | None:
        if country not in self._blocks and country in self._index.blocks:
            offset, length = self._index.blocks[country]
            packed = self._body[offset : offset + length]
            self._blocks[country] = msgspec.msgpack.decode(lzma.decompress(packed), type=Block)
        return self._blocks.get(country)


@cache
def read_gazetteer() -> Gazetteer:
    """The table that comes with the package; it is read once, and each country when it is asked for."""
    return Gazetteer(files("mirrorlist").joinpath("data", "gazetteer.bin").read_bytes())


def _joined(name: str) -> str:
    return name.replace(" ", "")


def _named(block: Block, name: str) -> tuple[City, ...]:
    own = [*_rows(block.names, f"\n{name}\n"), *_rows(block.short_names, f"\t{name}\t")]
    further = _rows(block.alternates, f"\t{name}\t")
    return tuple(
        City(block.states[row], _place(block, row), round(2 ** (block.populations[row] / DOUBLING)))
        for rows in (own, further)
        for row in sorted(rows, key=lambda row: -block.populations[row])
    )


def _rows(text: bytes, wanted: str) -> Iterator[int]:
    """The numbers of the lines with this name. ``text`` begins with a line break; names share their delimiters."""
    needle = wanted.encode()
    row, counted, at = -1, 0, text.find(needle)
    while at >= 0:
        row += text.count(b"\n", counted, at + 1)
        counted = at + 1
        yield row
        at = text.find(needle, at + 1)


def _place(block: Block, row: int) -> Point:
    at = slice(2 * row, 2 * row + 2)
    north, east = (int.from_bytes(column[at], "little", signed=True) for column in (block.latitudes, block.longitudes))
    return _point(north, east)


def _point(north: int, east: int) -> Point:
    return Point(round(north * DEGREES, 2), round(east * DEGREES, 2))


# Cities that service.yml names.


def city_of(country: str, name: str) -> tuple[float, float] | None:
    """Latitude and longitude of the largest city of this name in a country, by its code; None if there is none."""
    found = read_gazetteer().cities(country, name)
    return (found[0].place.latitude, found[0].place.longitude) if found else None
