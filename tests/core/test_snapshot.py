from __future__ import annotations

import ast
import hashlib
import random
import struct
from array import array
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.catalogue.requirements import RequirementLevel, Requirements
from mirrorlist.core.catalogue.service import GeoSources, Module, Profile
from mirrorlist.core.errors import Finding, Severity, SnapshotError
from mirrorlist.core.model import MAIN, CloudRegions, Location, PlaceSource, Protocol, Status
from mirrorlist.core.network.prefixes import ARRAYS
from mirrorlist.core.selection.compile import Proof
from mirrorlist.core.snapshot import KIND, MOST_KEPT, Snapshot, decode, encode
from tests.building import metadata, mirror, snapshot

PREAMBLE = struct.Struct("<8sIIQ32s")


@cache
def _whole() -> Snapshot:
    """A snapshot in which every field has a value of its own."""
    mirrors = [
        mirror(
            "a",
            urls={
                MAIN: {Protocol.HTTPS: "https://a.example.org/é/", Protocol.RSYNC: "rsync://a.example.org/"},
                "kitten": {Protocol.FTP: "ftp://a.example.org/"},
            },
            location=Location("EU", "DE", "Berlin", "Köln", 52.5, 13.4, 25.0, PlaceSource.COUNTRY),
            update_frequency_seconds=3600, sponsor="Zoë ☃", sponsor_url="https://example.org/", email="a@example.org",
            subnets=["192.0.2.0/24", "2001:db8::/96"], subnets_url="https://a.example.org/s.json",
            asns=(64500, 4_294_967_294), cloud=CloudRegions("aws", ("eu-west-1",)), status=Status.RETIRING,
            status_reason="moves", status_since="2026-11-01", status_until="2026-12-01", live_from="2026-01-01", bandwidth_mbps=400_000,
            storage_gb=1, time_zone="Europe/Berlin", countries_only=("DE",), countries_never=("AT",), logo="a.png",
            sync_source="b", sync_from="c", contact_name="d", peerings=("e", "f"), agreement="g",
        ),
        mirror("b", "tokyo", private=True, monopoly=True, subnets=["198.51.100.0/24"]),
        mirror("c", cloud=CloudRegions("gcp", None)),
        mirror("d", "paris"),
    ]  # fmt: skip
    return snapshot(
        mirrors,
        at={"192.0.2.0/25": "berlin", "2001:db8::/48": "JP", "203.0.113.0/24": "prague"},
        asns={"192.0.2.0/26": 64500, "2001:db8:1::/48": 64501},
        clouds={"192.0.2.128/28": ("aws", "eu-west-1"), "2001:db8:2::/48": ("gcp", "x")},
        metadata={"9.8/BaseOS/x86_64/os/": metadata(alternates="bc")},
        facts={
            "generation": 7, "commit": "c" * 40, "committed_at": 1.5, "asns_built_on": "2026-06-17", "places_built_on": "2026-06-05",
            "findings": (Finding("m/a.yml", 1, 2, Severity.WARNING, "unknown-key", "☃"),),
        },
        proof=Proof(asns=False, hints=frozenset({"gcp"})),
        url="https://mirrors.example.org/", origins={MAIN: "/o"}, trusted_proxies=("192.0.2.0/24", "unix"),
        fallbacks={MAIN: ("https://f.example.org/",)}, profile=Profile.INTRANET, approved=("a",), requirements=Requirements(RequirementLevel(storage_gb=1, protocols=(Protocol.RSYNC,)), RequirementLevel(agreement="2")),
        geo=GeoSources(databases=("/g.mmdb",), clouds={"aws": "/aws.json"}), required_protocols=("https",),
        policy=Policy(limit=3, weights={"a.example.org": 0.5, "b.example.org": 2.0}, bands_km=(1, 2), near=9),
        modules={
            MAIN: Module(title="Main", rsync="rsync://r/", space_gb=1, interval_seconds=2), "kitten": Module(title="K"),
        },
    )  # fmt: skip


@cache
def _bytes() -> bytes:
    return encode(_whole())


def _plain(value: Any) -> Any:
    """Arrays and views of them as lists, so that they compare by their values."""
    return list(value) if isinstance(value, array | memoryview) else value


def _tables(of: Snapshot) -> dict[str, Any]:
    found = {
        f"{name}.{part}": _plain(getattr(getattr(of, name), part))
        for name in ("networks", "located", "asns")
        for part in ARRAYS
    }
    for module, orders in of.orders.items():
        for part in ("place_start", "group_start", "members", "cumulative", "orders"):
            found[f"{module}.{part}"] = _plain(getattr(orders, part))
    return found


def test_what_is_encoded_comes_back_whole() -> None:
    found = decode(memoryview(_bytes()))
    assert found.facts == _whole().facts
    assert _tables(found) == _tables(_whole())
    assert list(found.orders) == list(_whole().orders)
    assert encode(found) == _bytes()
    assert _whole().networks.deep_hi, "the snapshot holds a divided /64"


def test_the_tables_are_views_of_the_bytes_and_not_copies() -> None:
    views = [getattr(decode(memoryview(_bytes())).networks, part) for part in ARRAYS]
    assert [type(view) for view in views] == [memoryview] * 7
    assert [view.format for view in views] == list(ARRAYS.values())
    assert {view.readonly for view in views} == {True}


def test_an_empty_snapshot_comes_back_too() -> None:
    nothing = snapshot([])
    found = decode(memoryview(encode(nothing)))
    assert (found.facts, _tables(found)) == (nothing.facts, _tables(nothing))


def test_equal_snapshots_are_equal_bytes() -> None:
    assert encode(replace(_whole())) == _bytes()


def test_the_preamble_names_magic_format_lengths_and_checksum() -> None:
    magic, number, header, total, digest = PREAMBLE.unpack_from(_bytes())
    assert (magic, number, total) == (KIND.magic, KIND.format, len(_bytes()))
    assert digest == hashlib.sha256(_bytes()[PREAMBLE.size :]).digest()
    assert 0 < header < total


def _refused(data: bytes) -> str:
    with pytest.raises(SnapshotError) as caught:
        decode(memoryview(data))
    return str(caught.value)


def test_a_truncated_snapshot_is_refused_wherever_it_ends() -> None:
    for length in [*range(0, len(_bytes()), 97), *range(PREAMBLE.size + 1), len(_bytes()) - 1]:
        _refused(_bytes()[:length])


def test_any_flipped_bit_is_refused() -> None:
    chance = random.Random(1)
    everywhere = [chance.randrange(len(_bytes()) * 8) for _ in range(600)]
    for bit in [*range(PREAMBLE.size * 8), *everywhere, len(_bytes()) * 8 - 1]:
        data = bytearray(_bytes())
        data[bit // 8] ^= 1 << bit % 8
        _refused(bytes(data))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "has 0 bytes", id="empty"),
        pytest.param(bytes(10_000), "is no snapshot", id="zeros"),
        pytest.param(b"PK\x03\x04" + bytes(100), "is no snapshot", id="another kind of file"),
    ],
)
def test_what_is_no_snapshot_is_refused_with_the_reason(data: bytes, words: str) -> None:
    assert words in _refused(data)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({0: b"MIRRLST\0"}, "is no snapshot"),
        ({1: KIND.format + 1}, f"format {KIND.format + 1}; this release reads {KIND.format}"),
        ({1: 0}, f"format 0; this release reads {KIND.format}"),
        ({3: 10}, "should have 10 bytes"),
        ({4: bytes(32)}, "checksum of the snapshot is wrong"),
        ({2: 0}, "header of the snapshot cannot be read"),
        ({2: 2**32 - 1}, "header of the snapshot cannot be read"),
    ],
)
def test_another_preamble_is_refused_with_the_reason(fields: dict[int, Any], words: str) -> None:
    values = list(PREAMBLE.unpack_from(_bytes()))
    for at, value in fields.items():
        values[at] = value
    assert words in _refused(PREAMBLE.pack(*values) + _bytes()[PREAMBLE.size :])


@pytest.mark.parametrize("tail", [b"\0", b"\0" * 8, _bytes()[-64:]])
def test_bytes_after_the_end_are_refused(tail: bytes) -> None:
    assert "should have" in _refused(_bytes() + tail)


def test_a_part_overwritten_by_another_generation_is_refused() -> None:
    orders = _whole().orders["kitten"]
    changed = {**_whole().orders, "kitten": replace(orders, orders=array("H", [1] * len(orders.orders)))}
    other = encode(replace(_whole(), facts=replace(_whole().facts, generation=8), orders=changed))
    assert len(other) == len(_bytes())
    half = len(other) // 2
    _refused(_bytes()[:half] + other[half:])
    _refused(other[:half] + _bytes()[half:])


@given(st.binary(max_size=400))
@example(KIND.magic)
@example(_bytes()[: PREAMBLE.size])
def test_random_bytes_are_refused(data: bytes) -> None:
    _refused(data)


def _sealed(header: bytes, body: bytes = b"") -> bytes:
    """A file with a right preamble, whatever it holds."""
    rest = header + bytes(-(len(header) + PREAMBLE.size) % 8) + body
    preamble = PREAMBLE.pack(
        KIND.magic, KIND.format, len(header), PREAMBLE.size + len(rest), hashlib.sha256(rest).digest()
    )
    return preamble + rest


@given(st.binary(max_size=200), st.binary(max_size=200))
@example(msgspec.msgpack.encode({}), b"")
@example(b"\x81\xa1\xff\x00", b"")
@example(b"\x91" * 200_000, b"")
def test_bytes_with_a_right_checksum_are_refused_when_they_are_no_snapshot(header: bytes, body: bytes) -> None:
    _refused(_sealed(header, body))


def test_a_header_with_broken_text_is_refused() -> None:
    length = PREAMBLE.unpack_from(_bytes())[2]
    header = _bytes()[PREAMBLE.size : PREAMBLE.size + length]
    assert header.count("Zoë".encode()) == 1
    _refused(_sealed(header.replace("Zoë".encode(), b"Zo\xff\xff")))


def _header() -> dict[str, Any]:
    length = PREAMBLE.unpack_from(_bytes())[2]
    found: dict[str, Any] = msgspec.msgpack.decode(_bytes()[PREAMBLE.size : PREAMBLE.size + length])
    return found


@pytest.mark.parametrize(
    "change",
    [
        {"networks/starts4": None},
        {"orders/main/members": None},
        {"networks/starts4": {"offset": 0, "length": 3, "typecode": "I"}},
        {"networks/starts4": {"offset": 0, "length": 4, "typecode": "no"}},
        {"networks/starts4": {"offset": 0, "length": 4, "typecode": "Q"}},
        {"networks/starts4": {"offset": 10**9, "length": 4, "typecode": "I"}},
        {"networks/starts4": {"offset": -8, "length": 4, "typecode": "I"}},
        {"networks/starts4": {"offset": 0, "length": 10**9, "typecode": "I"}},
    ],
)
def test_a_header_whose_sections_do_not_fit_its_body_is_refused(change: dict[str, Any]) -> None:
    header = _header()
    sections = {name: section for name, section in {**header["sections"], **change}.items() if section}
    body = _bytes()[PREAMBLE.size + PREAMBLE.unpack_from(_bytes())[2] :]
    _refused(_sealed(msgspec.msgpack.encode({**header, "sections": sections}), body[len(body) % 8 :]))
    assert decode(memoryview(_sealed(msgspec.msgpack.encode(header), body[len(body) % 8 :]))).facts == _whole().facts


def test_the_module_takes_no_code_out_of_a_file() -> None:
    tree = ast.parse(files("mirrorlist").joinpath("core", "snapshot.py").read_text(encoding="utf-8"))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {"pickle", "marshal", "shelve", "dill", "cloudpickle", "importlib"} & {
        name.partition(".")[0] for name in imported
    }
    assert not {"eval", "exec", "compile", "__import__"} & names


def test_what_is_kept_is_made_once_and_goes_with_the_generation() -> None:
    found = snapshot([mirror("a")])
    made = [found.kept("key", object) for _ in range(3)]
    assert made[0] is made[1] is made[2]
    assert replace(found, public=b"x").kept("key", object) is not made[0]
    assert found == replace(found)
    for number in range(2 * MOST_KEPT):
        assert found.kept(number, lambda: -1) == -1
    assert found.kept("key", object) is not made[0], "a client that asks for ever new things fills no memory"
