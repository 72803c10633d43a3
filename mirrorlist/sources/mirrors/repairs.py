"""Repair small faults of mirror files that have an obvious meaning; report each.

To add one: a function here, its place in REPAIRS (they run in this order), and a code for what it reports.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network, summarize_address_range
from typing import Any

from mirrorlist.core.errors import Finding
from mirrorlist.core.model import MAIN
from mirrorlist.core.network.prefixes import canonical_network, has_host_bits
from mirrorlist.sources.mirrors.urls import SCHEMES, page_url, rsync_url, scheme_of, spelled_url, with_small_scheme
from mirrorlist.sources.places.countries import Countries, continents
from mirrorlist.sources.yaml.documents import Code, Document, Pointer, Value, shown, spelled
from mirrorlist.sources.yaml.schema_messages import did_you_mean, unknown_key
from mirrorlist.sources.yaml.schemas import Schema, entry, load_schema, with_booleans


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a mirror file is judged against: the modules of service.yml, and the countries of the world."""

    modules: Collection[str]
    countries: Countries


class MirrorDraft:
    """Values that repairs change in place. Findings keep naming the places in the file.

    ``root`` is the repaired tree; ``document`` reads places by the pointers of that tree.
    """

    def __init__(self, document: Document) -> None:
        self.root: dict[str, Value] = deepcopy(document.root or {})
        self._origins: dict[Pointer, Pointer] = {}
        self.left_out: dict[Pointer, Finding] = {}
        self.document = replace(document, origins=self._origins, left_out=self.left_out)
        self.findings: list[Finding] = list(document.findings)

    def finished(self) -> Document:
        """The repaired document with all that was said."""
        return replace(self.document, root=self.root, findings=tuple(self.findings))

    def warn(self, pointer: Pointer, code: Code, message: str) -> None:
        """Tell a small fault of a value."""
        self.findings.append(self.document.warning(pointer, code, message))

    def warn_key(self, pointer: Pointer, code: Code, message: str) -> None:
        """Tell a small fault of a key."""
        self.findings.append(self.document.key_warning(pointer, code, message))

    def refuse(self, pointer: Pointer, code: Code, message: str) -> None:
        """Tell an error of a value."""
        self.findings.append(self.document.error(pointer, code, message))

    def moved(self, moves: dict[Pointer, Pointer]) -> None:
        """Note where values came from, all at once: each new pointer with the one it had in this draft."""
        self._origins.update({new: self.document.original(old) for new, old in moves.items()})

    def value(self, pointer: Pointer) -> Value:
        """The value at a pointer; None where there is none."""
        found: Any = self.root
        for step in pointer:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                return None
        return found  # type: ignore[no-any-return]  # whatever is in a tree of values is one

    def put(self, pointer: Pointer, value: Value) -> None:
        """Replace the value at a pointer."""
        holder: Any = self.value(pointer[:-1])
        holder[pointer[-1]] = value

    def remove(self, *pointers: Pointer) -> None:
        """Take out the values at pointers, and what is empty without them. What comes after them keeps its place."""
        gone: dict[Pointer, set[str | int]] = {}
        for pointer in pointers:
            gone.setdefault(pointer[:-1], set()).add(pointer[-1])
        moves = {}
        for at, steps in gone.items():
            entries = self.value(at)
            kept = [n for n in range(len(entries)) if n not in steps] if isinstance(entries, list) else []
            moves.update({(*at, new): (*at, old) for new, old in enumerate(kept) if new != old})
        for pointer in sorted(
            pointers, key=lambda each: [(isinstance(step, int), step) for step in each], reverse=True
        ):
            self._remove(pointer)
        self.moved(moves)

    def _remove(self, pointer: Pointer) -> None:
        holder: Any = self.value(pointer[:-1])
        try:
            del holder[pointer[-1]]
        except (KeyError, IndexError, TypeError):
            return
        if len(pointer) > 1 and not holder:
            self._remove(pointer[:-1])

    def mapping(self, *pointer: str) -> dict[str, Value]:
        """The mapping at a pointer, to be changed in place; a new empty one where there is none."""
        value: Value = self.root
        for key in pointer:
            value = value.get(key) if isinstance(value, dict) else None
        return value if isinstance(value, dict) else {}

    def texts(self, *pointer: str) -> Iterator[tuple[list[Value], int, str]]:
        """The texts of a list: the list, to be changed in place, with the index and text of each."""
        entries = self.mapping(*pointer[:-1]).get(pointer[-1])
        if isinstance(entries, list):
            yield from ((entries, index, text) for index, text in enumerate(entries) if isinstance(text, str))

    def address_books(self) -> Iterator[tuple[Pointer, dict[str, Value]]]:
        """The mappings of URLs: of the main tree, and of every module, with their pointers."""
        yield ("address",), self.mapping("address")
        for module in self.mapping("address_optional"):
            yield ("address_optional", module), self.mapping("address_optional", module)

    def places(self) -> Iterator[tuple[Pointer, dict[str, Value]]]:
        """The mappings that describe places, to be changed in place, with their pointers."""
        yield ("geolocation",), self.mapping("geolocation")
        further = self.root.get("places")
        for index, each in enumerate(further if isinstance(further, list) else ()):
            if isinstance(each, dict):
                yield ("places", index), each


Repair = Callable[[MirrorDraft, Surroundings], None]

_ASN = re.compile(r"(?:ASN?)?[\s:#-]?([1-9][0-9]{0,9})", re.ASCII | re.IGNORECASE)


def repair_keys(draft: MirrorDraft, _: Surroundings) -> None:
    """A key in other letters is the key that it means; a key that nobody knows is dropped."""
    _repair_keys(draft, (), draft.root, load_schema("mirror"))


def _repair_keys(draft: MirrorDraft, pointer: Pointer, mapping: dict[str, Value], node: Schema) -> None:
    if node.get("additionalProperties") is False:
        _rename(draft, pointer, mapping, node.get("properties", {}))
    for key, value in mapping.items():
        inner = entry("mirror", node, key)
        if isinstance(value, dict):
            _repair_keys(draft, (*pointer, key), value, inner)
        for index, each in enumerate(value if isinstance(value, list) else ()):
            if isinstance(each, dict):
                _repair_keys(draft, (*pointer, key, index), each, inner.get("items", {}))


def _rename(draft: MirrorDraft, pointer: Pointer, mapping: dict[str, Value], known: Schema) -> None:
    for key in [key for key in mapping if key not in known]:
        value = mapping.pop(key)
        said = _bare(key)  # whatever its case or hyphens
        meant = next((each for each in known if _bare(each) == _OTHER_KEYS.get(said, said)), None)
        if meant and meant not in mapping:
            message = f"{spelled((*pointer, key))} is read as '{meant}'; write it like that"
            draft.warn_key((*pointer, key), Code.KEY_CASE, message)
            mapping[meant] = value
            draft.moved({(*pointer, meant): (*pointer, key)})
        else:
            message = unknown_key(pointer, key, known)
            if pointer and key in load_schema("mirror")["properties"]:
                message = f"{spelled((*pointer, key))} is not a known key; did you mean '{key}' in the first column?"
            draft.warn_key((*pointer, key), Code.UNKNOWN_KEY, message)


_OTHER_KEYS = {
    "state": "stateprovince", "province": "stateprovince", "region": "stateprovince", "lat": "latitude",
    "lon": "longitude", "lng": "longitude", "long": "longitude", "url": "address", "urls": "address",
}  # fmt: skip
"""What other programs call a key."""


def _bare(key: str) -> str:
    return re.sub(r"[\s_-]", "", key.lower())


def repair_booleans(draft: MirrorDraft, _: Surroundings) -> None:
    """yes, no, on and off are booleans where a boolean is wanted. That is no fault, so nothing is reported."""
    draft.root = with_booleans(draft.finished(), "mirror").root or {}


def repair_modules(draft: MirrorDraft, around: Surroundings) -> None:
    """A module that the service does not have is dropped, and with the last one the whole key.

    So is a second main tree, which would count instead of the one that readers of the file see first.
    """
    optional = set(around.modules) - {MAIN}
    modules = draft.mapping("address_optional")
    for module in [module for module in modules if module not in optional]:
        pointer, book, meant = ("address_optional", module), modules.pop(module), module.strip().lower()
        if meant in optional - modules.keys():
            modules[meant] = book
            draft.warn_key(pointer, Code.KEY_CASE, f"{spelled(pointer)} is read as '{meant}'; write it like that")
            draft.moved({("address_optional", meant): pointer})
            continue
        near = did_you_mean(module, optional)
        remedy = f"did you mean '{near}'?" if near else "remove it"
        remedy = "the main tree is under address alone; remove it" if module == MAIN else remedy
        what = "no further module" if module == MAIN else "not a module of this service"
        message = f"{spelled(pointer)} is {what}; {remedy}"
        draft.warn_key(pointer, Code.UNKNOWN_MODULE, message)
        if not modules:
            del draft.root["address_optional"]


def repair_rsync_spelling(draft: MirrorDraft, _: Surroundings) -> None:
    """What only rsync's command line understands, such as ``host::module``, becomes a URL."""
    for pointer, book in draft.address_books():
        for key, text in book.items():
            if isinstance(text, str) and (url := rsync_url(text)):
                book[key] = url
                message = f"{spelled((*pointer, key))} {shown(text)} is no plain URL; write {shown(url)}"
                draft.warn((*pointer, key), Code.RSYNC_SPELLING, message)


def repair_url_spelling(draft: MirrorDraft, _: Surroundings) -> None:
    """Blanks and signs around a URL mean nothing, and one without a scheme has that of its key."""
    for pointer, book in draft.address_books():
        for key, text in book.items():
            if isinstance(text, str) and (url := spelled_url(text, key)) != text:
                book[key] = url
                at = (*pointer, key)
                draft.warn(at, Code.BAD_URL, f"{spelled(at)} {shown(text)} is read as {shown(url)}; write {shown(url)}")


def repair_schemes(draft: MirrorDraft, _: Surroundings) -> None:
    """A URL belongs to the protocol of its scheme, whatever its key says; a key that is right wins."""
    for pointer, book in draft.address_books():
        book.update({key: with_small_scheme(url) for key, url in book.items() if isinstance(url, str)})
        wrong = {key: book.pop(key) for key in list(book) if _real_scheme(book[key]) not in (None, key)}
        moves = {}
        for key, url in wrong.items():
            scheme = str(_real_scheme(url))
            taken = scheme in book
            what = f"left out, because '{scheme}' has its own" if taken else f"used for '{scheme}'"
            remedy = f"write {key}://, or remove it" if taken else f"move it to '{scheme}'"
            at = (*pointer, key)
            draft.warn(at, Code.URL_SCHEME, f"{spelled(at)} {shown(url)} is {what}; {remedy}")
            if scheme not in book:
                book[scheme] = url
                moves[(*pointer, scheme)] = (*pointer, key)
        draft.moved(moves)


def _real_scheme(url: Value) -> str | None:
    scheme = scheme_of(url) if isinstance(url, str) else None
    return scheme if scheme in SCHEMES else None


def repair_sponsor_url(draft: MirrorDraft, _: Surroundings) -> None:
    """A page without a scheme is taken as https; anything that is no page is dropped."""
    text = draft.root.get("sponsor_url")
    url = page_url(text) if isinstance(text, str) else None
    if not isinstance(text, str) or text == url:
        return
    if url is None:
        del draft.root["sponsor_url"]
        remedy = "write an address that begins with https://, or remove it"
        draft.warn(("sponsor_url",), Code.SPONSOR_URL, f"sponsor_url {shown(text)} is no web page; {remedy}")
        return
    draft.root["sponsor_url"] = url
    if not text.lower().startswith(("http://", "https://")) or len(text) > len(url):
        what = "is not alone" if "://" in text else "has no scheme"
        draft.warn(("sponsor_url",), Code.SPONSOR_URL, f"sponsor_url {shown(text)} {what}; write {shown(url)}")


def repair_country(draft: MirrorDraft, around: Surroundings) -> None:
    """A country by its name or another code becomes its ISO code; an unknown one is dropped."""
    for at, place in draft.places():
        text = place.get("country")
        if isinstance(text, str) and _country(draft, around, (*at, "country"), place, "country", text) is None:
            del place["country"]


def repair_continent(draft: MirrorDraft, around: Surroundings) -> None:
    """A continent by its name becomes its code; one that is not the country's is reported, for the country counts."""
    for at, place in draft.places():
        text, country = place.get("continent"), around.countries.by_code.get(str(place.get("country")))
        meant = continents(text) if isinstance(text, str) else ()
        if not isinstance(text, str) or not meant or (country is None and len(meant) > 1):
            continue
        code = country.continent if country and country.continent in meant else meant[0]
        pointer = (*at, "continent")
        said = f"{spelled(pointer)} {shown(text)}"
        place["continent"] = code
        if country and code != country.continent:
            remedy = f"write '{country.continent}' or remove it"
            message = f"{said} is not that of {country.code}, and {country.continent} counts; {remedy}"
            draft.warn(pointer, Code.WRONG_CONTINENT, message)
        elif code != text:
            draft.warn(pointer, Code.CONTINENT_SPELLING, f"{said} is read as {code}; write '{code}'")


def repair_country_lists(draft: MirrorDraft, around: Surroundings) -> None:
    """Countries in lists get their ISO codes. An unknown one stays, so that a list is never widened."""
    for key in ("countries_only", "countries_never"):
        for entries, index, text in draft.texts(key):
            _country(draft, around, (key, index), entries, index, text)


def _country(
    draft: MirrorDraft, around: Surroundings, pointer: Pointer, holder: Any, step: str | int, text: str
) -> str | None:
    """Put the ISO code in place of the text, and tell what was odd about it; None for an unknown country."""
    code = around.countries.normalise(text)
    said = f"{spelled(pointer)} {shown(text)}"
    if code is None:
        draft.warn(pointer, Code.UNKNOWN_COUNTRY, f"{said} is no country; write its ISO code of two letters")
        return None
    if code != text:
        draft.warn(pointer, Code.COUNTRY_SPELLING, f"{said} is read as {code}; write '{code}'")
    elif draft.document.original(pointer) in draft.document.bare_words:
        message = f"{said} is without quotes, which other readers take for false; write '{code}'"
        draft.warn(pointer, Code.UNQUOTED_WORD, message)
    holder[step] = code
    return code


def repair_asns(draft: MirrorDraft, _: Surroundings) -> None:
    """``AS64496``, ``ASN 64496`` and ``'64496'`` are the number 64496."""
    text = draft.root.get("asn")
    if isinstance(text, str):
        draft.root["asn"] = _asn(draft, ("asn",), text)
    for entries, index, each in draft.texts("asn"):
        entries[index] = _asn(draft, ("asn", index), each)


def _asn(draft: MirrorDraft, pointer: Pointer, text: str) -> Value:
    found = _ASN.fullmatch(text)
    if not found:
        return text
    message = f"{spelled(pointer)} {shown(text)} is read as a number; write {found[1]}"
    draft.warn(pointer, Code.ASN_SPELLING, message)
    return int(found[1])


def repair_host_bits(draft: MirrorDraft, _: Surroundings) -> None:
    """An address with a length means the network that it lies in; so does one with blanks, or mapped into IPv6.

    The URL of a list may be the only entry of one.
    """
    entries = draft.root.get("subnets")
    only = entries[0] if isinstance(entries, list) and len(entries) == 1 else None
    if isinstance(only, str) and scheme_of(only):
        draft.root["subnets"] = only
        draft.warn(
            ("subnets",), Code.BAD_NETWORK, f"subnets is a list of {shown(only)} alone; write it without brackets"
        )
    for entries, index, text in draft.texts("subnets"):
        network = canonical_network(text)
        if network and has_host_bits(text):
            entries[index] = network
            message = f"subnets[{index}] {shown(text)} has host bits set; write {network}"
            draft.warn(("subnets", index), Code.HOST_BITS, message)
        elif (meant := network or _plain_network(text)) and _is_other(meant, text):
            entries[index] = meant
            message = f"subnets[{index}] {shown(text)} is read as {meant}; write {meant}"
            draft.warn(("subnets", index), Code.BAD_NETWORK, message)


def _plain_network(text: str) -> str | None:
    """The network in a text with blanks, brackets, a netmask or a remark, or from its first to its last address."""
    said = re.sub(r"[\s\[\]]", "", text.partition("#")[0])
    first, is_range, last = said.partition("-")
    try:
        whole = list(
            summarize_address_range(ip_address(first), ip_address(last)) if is_range else [ip_network(said, False)]
        )
    except (TypeError, ValueError):
        return None
    return canonical_network(str(whole[0])) if len(whole) == 1 else None


def _is_other(network: str, text: str) -> bool:
    """Whether a network is not the one that a text is to others: of another family, or unreadable to them."""
    return canonical_network(text) is None or (":" in text and ":" not in network)


REPAIRS: tuple[Repair, ...] = (
    repair_keys,
    repair_booleans,
    repair_modules,
    repair_url_spelling,
    repair_rsync_spelling,
    repair_schemes,
    repair_sponsor_url,
    repair_country,
    repair_continent,
    repair_country_lists,
    repair_asns,
    repair_host_bits,
)
