""""""

from __future__ import annotations

import ipaddress
from array import array
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorlist.core.model import Prefix
from mirrorlist.core.network.prefixes import (
    DEEP,
    IntervalTable,
    canonical_network,
    contains,
    flatten,
    has_host_bits,
    packed,
    parse_prefix,
    prefix,
    spelled,
    unmapped,
    unwrapped,
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Row = tuple[str, str]
_LAST_V4 = "255.255.255.255"
_LAST_V6 = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

# Few bits vary, so that random prefixes nest, repeat and meet; the rest is chosen where tables have edges.
_V4_BASES = ["0.0.0.0", "192.0.2.0", "198.51.100.0", "203.0.113.0", "255.255.255.0"]
_V6_BASES = [
    "::",
    "2001:db8::",
    "2001:db8:0:1::",
    "2001:db8:0:1:8000::",
    "2001:db8:0:2::",
    "2001:db8:0:ffff:ffff:ffff:ffff:fff0",
    "ffff:ffff:ffff:ffff::",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0",
]
_V4_NUMBERS = st.one_of(
    st.builds(
        lambda base, low: int(ipaddress.IPv4Address(base)) + low, st.sampled_from(_V4_BASES), st.integers(0, 255)
    ),
    st.integers(0, 2**32 - 1),
)
_V6_NUMBERS = st.one_of(
    st.builds(
        lambda base, low: int(ipaddress.IPv6Address(base)) ^ low,
        st.sampled_from(_V6_BASES),
        st.one_of(st.integers(0, 15), st.integers(0, 2**66 - 1)),
    ),
    st.integers(0, 2**128 - 1),
)
_LABELS = st.sampled_from("abcd")


def _v4_rows() -> st.SearchStrategy[list[tuple[Network, str]]]:
    networks = st.builds(
        lambda number, length: ipaddress.IPv4Network((number, length), strict=False),
        _V4_NUMBERS,
        st.integers(0, 32),
    )
    return st.lists(st.tuples(networks, _LABELS), max_size=12)


def _v6_rows() -> st.SearchStrategy[list[tuple[Network, str]]]:
    lengths = st.one_of(st.integers(0, 128), st.integers(62, 70), st.integers(120, 128))
    networks = st.builds(
        lambda number, length: ipaddress.IPv6Network((number, length), strict=False), _V6_NUMBERS, lengths
    )
    return st.lists(st.tuples(networks, _LABELS), max_size=12)


def _prefix(network: Network) -> Prefix:
    return Prefix(network.network_address.packed, network.prefixlen)


def _labels_by_scan(rows: Sequence[tuple[Network, str]], address: bytes) -> tuple[str, ...]:
    """What covers an address by a linear scan: widest first, a label that repeats where it is most specific."""
    ip = ipaddress.ip_address(address)
    covering = sorted((row for row in rows if row[0].version == ip.version and ip in row[0]), key=_length)
    return tuple(reversed(list(dict.fromkeys(label for _, label in reversed(covering)))))


def _length(row: tuple[Network, str]) -> int:
    return row[0].prefixlen


def _edges(rows: Sequence[tuple[Network, str]]) -> set[bytes]:
    """The first and last address of each network, the ones beside them, and the ends of both spaces."""
    found = {bytes(4), b"\xff" * 4, bytes(16), b"\xff" * 16}
    for network, _ in rows:
        size = network.max_prefixlen // 8
        first, last = int(network.network_address), int(network.broadcast_address)
        for number in (first - 1, first, last, last + 1, (first + last) // 2, first | (2**64 - 1) if size == 16 else 0):
            if 0 <= number < 1 << (size * 8):
                found.add(number.to_bytes(size, "big"))
    return found


def _rows(*texts: Row) -> list[tuple[Network, str]]:
    return [(ipaddress.ip_network(text), label) for text, label in texts]


def _assert_table_agrees_with_a_scan(rows: Sequence[tuple[Network, str]], further: Sequence[bytes] = ()) -> None:
    table, meanings = flatten((_prefix(network), label) for network, label in rows)
    for address in {*_edges(rows), *further}:
        assert meanings[table.at(address)] == _labels_by_scan(rows, address), ipaddress.ip_address(address)


@given(_v4_rows(), _v6_rows(), st.lists(_V4_NUMBERS, max_size=20), st.lists(_V6_NUMBERS, max_size=20))
def test_a_table_tells_what_a_linear_scan_finds(
    v4: list[tuple[Network, str]], v6: list[tuple[Network, str]], addresses4: list[int], addresses6: list[int]
) -> None:
    further = [number.to_bytes(4, "big") for number in addresses4]
    further += [number.to_bytes(16, "big") for number in addresses6]
    _assert_table_agrees_with_a_scan([*v4, *v6], further)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="nothing"),
        pytest.param([("0.0.0.0/0", "a"), ("::/0", "b")], id="everything"),
        pytest.param([("::/0", "a"), ("2001:db8::/64", "b"), ("2001:db8::/128", "c")], id="nested"),
        pytest.param([("2001:db8::1/128", "a"), ("2001:db8::3/128", "b")], id="two addresses in one /64"),
        pytest.param([("2001:db8::/65", "a"), ("2001:db8:0:0:8000::/65", "b")], id="two halves of a /64"),
        pytest.param(
            [("2001:db8:0:1:ffff:ffff:ffff:ffff/128", "a"), ("2001:db8:0:2::/128", "b")],
            id="the last of a /64 and the first of the next",
        ),
        pytest.param(
            [("2001:db8:0:1:8000::/65", "a"), ("2001:db8:0:2::/65", "a")], id="one interval over the edge of two /64s"
        ),
        pytest.param([("2001:db8:0:1::1/128", "a"), ("2001:db8:0:2::1/128", "b")], id="neighbouring /64s are divided"),
        pytest.param([("2001:db8:0:1::/64", "a"), ("2001:db8:0:1::/96", "b")], id="divided from its first address"),
        pytest.param([("::/0", "a"), ("2001:db8:0:1::1/128", "b")], id="divided within something wider"),
        pytest.param([(f"{_LAST_V6}/128", "a"), (f"{_LAST_V4}/32", "b")], id="the last addresses"),
        pytest.param([("ffff:ffff:ffff:ffff::/65", "a")], id="the last /64 is divided"),
        pytest.param(
            [("ffff:ffff:ffff:fffe::1/128", "a"), (f"{_LAST_V6}/128", "b")], id="the last two /64s are divided"
        ),
        pytest.param([("ffff:ffff:ffff:fffe:8000::/65", "a")], id="the last /64 but one is divided"),
        pytest.param([("::/128", "a"), ("0.0.0.0/32", "b")], id="the first addresses"),
        pytest.param([("192.0.2.0/24", "a"), ("192.0.2.0/24", "a"), ("192.0.2.0/24", "b")], id="the same twice"),
        pytest.param([("192.0.2.0/25", "a"), ("192.0.2.128/25", "a")], id="neighbours of one label"),
        pytest.param([("192.0.2.0/24", "a"), ("192.0.2.64/26", "b"), ("192.0.2.80/28", "a")], id="a within b within a"),
        pytest.param([("::/96", "a"), ("0.0.0.0/0", "b")], id="families apart"),
    ],
)
def test_a_table_is_right_at_every_edge(rows: list[Row]) -> None:
    _assert_table_agrees_with_a_scan(_rows(*rows))


def test_a_label_that_repeats_stands_where_it_is_most_specific() -> None:
    table, meanings = flatten(
        (_prefix(network), label)
        for network, label in _rows(("192.0.2.0/24", "a"), ("192.0.2.0/26", "b"), ("192.0.2.0/28", "a"))
    )
    found = [
        meanings[table.at(ipaddress.ip_address(text).packed)] for text in ("192.0.2.1", "192.0.2.17", "192.0.2.65")
    ]
    assert found == [("b", "a"), ("a", "b"), ("a",)]


@given(_v4_rows(), _v6_rows())
def test_intervals_ascend_from_zero_and_neighbours_differ(
    v4: list[tuple[Network, str]], v6: list[tuple[Network, str]]
) -> None:
    table, meanings = flatten((_prefix(network), label) for network, label in [*v4, *v6])
    for starts, ids in ((table.starts4, table.ids4), (table.starts6, table.ids6)):
        assert starts[0] == 0
        assert all(before < after for before, after in pairwise(starts))
        assert all(before != after or before == DEEP for before, after in pairwise(ids))
    divided = [start for start, found in zip(table.starts6, table.ids6, strict=True) if found == DEEP]
    assert sorted(set(table.deep_hi)) == divided
    assert sorted(zip(table.deep_hi, table.deep_lo, strict=True)) == list(
        zip(table.deep_hi, table.deep_lo, strict=True)
    )
    assert {*table.ids4, *table.ids6, *table.deep_ids} - {DEEP} <= set(range(len(meanings)))
    assert meanings[0] == ()


def test_only_a_64_that_is_divided_has_a_finer_level() -> None:
    table, _ = flatten([(parse_prefix("2001:db8::/64")[0], "a"), (parse_prefix("2001:db8:0:1::/64")[0], "b")])
    assert table == IntervalTable(
        array("I", [0]),
        array("I", [0]),
        array("Q", [0, 0x2001_0DB8_0000_0000, 0x2001_0DB8_0000_0001, 0x2001_0DB8_0000_0002]),
        array("I", [0, 1, 2, 0]),
        array("Q"),
        array("Q"),
        array("I"),
    )


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", bytes([192, 0, 2, 1])),
        ("::ffff:192.0.2.1", bytes([192, 0, 2, 1])),
        ("::FFFF:C000:0201", bytes([192, 0, 2, 1])),
        ("2001:db8::1", bytes.fromhex("20010db8000000000000000000000001")),
        ("fe80::1%eth0", bytes.fromhex("fe800000000000000000000000000001")),
        ("::192.0.2.1", bytes(12) + bytes([192, 0, 2, 1])),
        ("64:ff9b::192.0.2.1", bytes.fromhex("0064ff9b0000000000000000c0000201")),
        ("", None),
        ("%", None),
        ("192.0.2", None),
        ("192.0.2.256", None),
        ("192.0.2.010", None),
        ("192.0.2.1/32", None),
        ("192.0.2.1:80", None),
        ("[2001:db8::1]", None),
        ("٣.٣.٣.٣", None),
        ("2001:db8::1::", None),
        ("mirror.example.org", None),
        ("192.0.2.1\n", None),
        ("3221225985", None),
    ],
)
def test_an_address_is_packed_or_none(text: str, address: bytes | None) -> None:
    assert packed(text) == address


@given(st.text())
def test_packing_any_text_gives_an_address_or_none(text: str) -> None:
    found = packed(text)
    assert found is None or len(found) in (4, 16)


@given(st.ip_addresses())
def test_packing_is_what_ipaddress_says(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    mapped = address.ipv4_mapped if address.version == 6 else None
    assert packed(str(address)) == (mapped or address).packed


@given(st.binary(min_size=16, max_size=16))
def test_only_mapped_addresses_are_unmapped(address: bytes) -> None:
    mapped = ipaddress.IPv6Address(address).ipv4_mapped
    assert unmapped(address) == (mapped.packed if mapped else address)
    assert unmapped(bytes(10) + b"\xff\xff" + address[:4]) == address[:4]
    assert unmapped(address[:4]) == address[:4]


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        ("2002:c000:201::1", "192.0.2.1"),  # 6to4, RFC 3056
        ("2002:c000:201:ffff:1:2:3:4", "192.0.2.1"),
        ("2003:c000:201::1", "2003:c000:201::1"),
        ("2001:0:cb00:7101:0:ffff:3fff:fdfe", "192.0.2.1"),  # Teredo, RFC 4380: the client's, inverted
        ("2001:1::1", "2001:1::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("64:ff9b::192.0.2.1", "192.0.2.1"),  # NAT64, RFC 6052
        ("64:ff9b:1::192.0.2.1", "64:ff9b:1::192.0.2.1"),  # local use, RFC 8215: no public address inside
        ("64:ff9b::1:192.0.2.1", "64:ff9b::1:c000:201"),
        ("192.0.2.1", "192.0.2.1"),
        ("32.2.0.1", "32.2.0.1"),  # begins as 6to4 does
    ],
)
def test_an_ipv4_address_inside_an_ipv6_one_is_found(text: str, inner: str) -> None:
    assert ipaddress.ip_address(unwrapped(ipaddress.ip_address(text).packed)) == ipaddress.ip_address(inner)


@given(st.ip_addresses(v=6))
def test_unwrapping_is_what_ipaddress_says(address: ipaddress.IPv6Address) -> None:
    nat64 = ipaddress.IPv4Address(address.packed[12:]) if address in ipaddress.ip_network("64:ff9b::/96") else None
    inner = address.sixtofour or (address.teredo[1] if address.teredo else None) or nat64 or address
    assert unwrapped(address.packed) == inner.packed


@pytest.mark.parametrize(
    ("text", "prefix", "exact"),
    [
        ("192.0.2.0/24", "192.0.2.0/24", True),
        (" 192.0.2.0/24\n", "192.0.2.0/24", True),
        ("192.0.2.1/24", "192.0.2.0/24", False),
        ("192.0.2.1", "192.0.2.1/32", True),
        ("0.0.0.0/0", "0.0.0.0/0", True),
        ("2001:DB8:0::/32", "2001:db8::/32", True),
        ("2001:db8::1/64", "2001:db8::/64", False),
        ("::/0", "::/0", True),
    ],
)
def test_a_prefix_is_parsed_and_its_host_bits_are_told(text: str, prefix: str, exact: bool) -> None:
    found, was_exact = parse_prefix(text)
    assert (spelled(found), was_exact) == (prefix, exact)


@pytest.mark.parametrize(
    "text", ["", "/24", "192.0.2.0/33", "192.0.2.0/-1", "2001:db8::/129", "house", "192.0.2.0/24/24"]
)
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_prefix(text)


@given(st.one_of(_v4_rows(), _v6_rows()), st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_a_prefix_contains_what_ipaddress_says(
    rows: list[tuple[Network, str]], address: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> None:
    for network, _ in rows:
        for at in (address, network.network_address, network.broadcast_address):
            assert contains(_prefix(network), at.packed) == (at.version == network.version and at in network)


@pytest.mark.parametrize(
    ("prefix", "address", "answer"),
    [
        ("::/0", "192.0.2.1", False),
        ("::/96", "192.0.2.1", False),
        ("0.0.0.0/0", "::", False),
        ("0.0.0.0/0", "::c000:201", False),
        ("0.0.0.0/0", "192.0.2.1", True),
        ("::/0", "2001:db8::1", True),
    ],
)
def test_families_are_never_mixed(prefix: str, address: str, answer: bool) -> None:
    assert contains(parse_prefix(prefix)[0], ipaddress.ip_address(address).packed) is answer


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:0:0/96", "::ffff:0:0/96"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("10.0.0.1/8", "10.0.0.0/8"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:0DB8:0000::/44", "2001:db8::/44"),
        ("::/0", "::/0"),
        ("192.0.2.0/33", None),
        ("192.0.2.0/255.255.255.0", None),
        ("192.0.2.0/", None),
        ("192.0.2", None),
        ("192.0.2.010", None),
        ("fe80::1%eth0/64", None),
        ("house", None),
        ("", None),
    ],
)
def test_a_network_has_one_spelling(text: str, network: str | None) -> None:
    assert canonical_network(text) == network


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("10.0.0.1/8", True),
        ("10.0.0.0/8", False),
        ("10.0.0.1", False),
        ("10.0.0.1/32", False),
        ("2001:0db8::/32", False),
    ],
)
def test_host_bits_are_those_after_the_length(text: str, answer: bool) -> None:
    assert has_host_bits(text) is answer


def test_an_address_alone_is_a_whole_network() -> None:
    assert prefix("192.0.2.1") == Prefix(b"\xc0\x00\x02\x01", 32)
    assert prefix("::1") == Prefix(bytes(15) + b"\x01", 128)
