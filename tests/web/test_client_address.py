""""""

from __future__ import annotations

import ipaddress
from socket import AF_INET, AF_INET6, inet_pton

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorlist.web.client_address import TrustedProxies, client_address

TRUSTED = TrustedProxies(["10.0.0.0/8", "2001:db8:f::/48", "192.0.2.7"])
NOBODY = TrustedProxies([])
PROXY = "10.0.0.1"


def v4(text: str) -> bytes:
    return inet_pton(AF_INET, text)


def v6(text: str) -> bytes:
    return inet_pton(AF_INET6, text)


PEERS = [
    ("192.0.2.1", v4("192.0.2.1")),
    ("192.0.2.1:4711", v4("192.0.2.1")),
    ("2001:db8::1", v6("2001:db8::1")),
    ("[2001:db8::1]", v6("2001:db8::1")),
    ("[2001:db8::1]:443", v6("2001:db8::1")),
    ("::1", v6("::1")),
    ("fe80::1%eth0", v6("fe80::1")),
    ("[fe80::1%25eth0]:443", v6("fe80::1")),
    ("::ffff:192.0.2.1", v4("192.0.2.1")),
    ("[::ffff:192.0.2.1]:80", v4("192.0.2.1")),
    ("::ffff:c000:201", v4("192.0.2.1")),
    ("2002:c000:201::1", v6("2002:c000:201::1")),  # 6to4 tells a place, not a network
    ("64:ff9b::c000:201", v6("64:ff9b::c000:201")),
    ("", None),
    ("unix:", None),
    ("/run/mirrorlist.sock", None),
    ("192.0.2.1:", None),
    ("192.0.2.1:http", None),
    ("192.0.2.1:\u0663", None),
    ("192.0.2.01", None),
    ("192.0.2", None),
    ("3221225985", None),
    ("192.0.2.0/24", None),
    ("[2001:db8::1", None),
    ("[2001:db8::1]443", None),
    ("[2001:db8::1]:", None),
    ("2001:db8::1::2", None),
    ("localhost", None),
]


@pytest.mark.parametrize(("peer", "expected"), PEERS)
def test_peer_is_the_client_when_nobody_is_trusted(peer: str, expected: bytes | None) -> None:
    assert client_address(peer, None, NOBODY) == expected
    assert client_address(peer, "198.51.100.9", NOBODY) == expected


HEADERS = [
    ("198.51.100.9", v4("198.51.100.9")),
    ("198.51.100.9:4711", v4("198.51.100.9")),
    ("2001:db8::9", v6("2001:db8::9")),
    ("[2001:db8::9]:4711", v6("2001:db8::9")),
    ("::ffff:198.51.100.9", v4("198.51.100.9")),
    ("  198.51.100.9\t", v4("198.51.100.9")),
    ("203.0.113.5, 198.51.100.9", v4("198.51.100.9")),
    ("203.0.113.5,198.51.100.9", v4("198.51.100.9")),
    ("203.0.113.5, 198.51.100.9, 10.1.1.1", v4("198.51.100.9")),
    ("203.0.113.5, 198.51.100.9, 192.0.2.7, 10.1.1.1:99, 2001:db8:f::1", v4("198.51.100.9")),
    ("203.0.113.5, 192.0.2.6", v4("192.0.2.6")),  # a neighbour of the single trusted address
    ("::ffff:10.0.0.9", v4("10.0.0.9")),  # mapped and trusted: all are, so the left-most
    ("198.51.100.9, ::ffff:10.0.0.9", v4("198.51.100.9")),
    ("10.0.0.3, 10.0.0.2", v4("10.0.0.3")),
    ("2001:db8:f::3, 10.0.0.2", v6("2001:db8:f::3")),
    ("nonsense, 198.51.100.9", v4("198.51.100.9")),
    (None, None),
    ("", None),
    ("   ", None),
    (",", None),
    (", 10.0.0.2", None),
    ("198.51.100.9,", None),
    ("198.51.100.9, unknown", None),
    ("198.51.100.9, unknown, 10.0.0.2", None),
    ("_hidden, 10.0.0.2", None),
    ("for=198.51.100.9", None),
    ("198.51.100.9\xff", None),
    ("\xa0198.51.100.9", None),
    ("\x85198.51.100.9\x85", None),
    ("\x1f198.51.100.9", None),
    ("198.51.100.9\x00", None),
    ("198.51.100.9;10.0.0.1", None),
    ("198.51.100.9 198.51.100.8", None),
    ("198.51.100.9:\xb2", None),
    ("x" * 8192, None),
    ("198.51.100.9, " + "x" * 8192, None),
    ("203.0.113.5, " * 50 + "198.51.100.9", v4("198.51.100.9")),
    ("198.51.100.9" + ", 10.0.0.2" * 50, v4("198.51.100.9")),
    ("198.51.100.9" + ", 10.0.0.2" * 50 + ", x", None),
]


@pytest.mark.parametrize("peer", [PROXY, "10.0.0.1:5000", "::ffff:10.0.0.1", "[2001:db8:f::5]:1"])
@pytest.mark.parametrize(("header", "expected"), HEADERS)
def test_trusted_peer_names_the_client(peer: str, header: str | None, expected: bytes | None) -> None:
    assert client_address(peer, header, TRUSTED) == expected


@pytest.mark.parametrize(
    ("proxies", "header", "expected"),
    [
        (["unix"], "198.51.100.9", v4("198.51.100.9")),
        (["unix", "10.0.0.0/8"], "198.51.100.9, 10.0.0.1", v4("198.51.100.9")),
        (["unix"], "198.51.100.9, 10.0.0.1", v4("10.0.0.1")),
        (["unix"], "", None),
        (["unix"], None, None),
        (["10.0.0.0/8"], "198.51.100.9", None),
        ([], "198.51.100.9", None),
    ],
)
def test_peer_without_an_address_is_trusted_as_unix_only(
    proxies: list[str], header: str | None, expected: bytes | None
) -> None:
    assert client_address("", header, TrustedProxies(proxies)) == expected


def test_peer_that_is_no_address_is_not_a_unix_socket() -> None:
    assert client_address("nonsense", "198.51.100.9", TrustedProxies(["unix", "0.0.0.0/0", "::/0"])) is None


ADDRESSES = st.one_of(
    st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str), st.just("10.0.0.2"), st.just("2001:db8:f::9")
)
ENTRIES = st.one_of(
    ADDRESSES,
    ADDRESSES.map(lambda text: f"[{text}]:443"),
    ADDRESSES.map(lambda text: f"{text}:80"),
    ADDRESSES.map(lambda text: f"{text}%eth0"),
    st.text(st.characters(max_codepoint=0xFF), max_size=40),
    st.sampled_from(["", " ", "unknown", "::ffff:1.2.3.4", "1.2.3", "[", "]", "[]", ":", "%", "a:b"]),
)
ANY_HEADER = st.one_of(
    st.none(),
    st.lists(ENTRIES, max_size=50).map(",".join),
    st.binary(max_size=300).map(lambda raw: raw.decode("latin-1")),
    st.tuples(ENTRIES, st.integers(1, 8192)).map(lambda pair: (pair[0] * pair[1])[:8192]),
)


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(ANY_HEADER, st.one_of(ENTRIES, st.just(PROXY), st.just("192.0.2.1")))
def test_no_header_raises_and_the_answer_is_an_address_or_unknown(header: str | None, peer: str) -> None:
    for proxies in (TRUSTED, TrustedProxies(["unix"]), NOBODY):
        found = client_address(peer, header, proxies)
        assert found is None or len(found) in (4, 16)


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(ANY_HEADER, st.sampled_from([peer for peer, _ in PEERS]))
def test_header_of_an_untrusted_peer_counts_for_nothing(header: str | None, peer: str) -> None:
    proxies = TrustedProxies(["10.0.0.0/8", "2001:db8:f::/48"])
    assert client_address(peer, header, proxies) == client_address(peer, None, proxies)


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(st.lists(ADDRESSES, min_size=1, max_size=12))
def test_client_is_the_right_most_entry_that_is_not_a_proxy(entries: list[str]) -> None:
    inside = [ipaddress.ip_network(text) for text in ("10.0.0.0/8", "2001:db8:f::/48")]

    def plain(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
        address = ipaddress.ip_address(text)
        return getattr(address, "ipv4_mapped", None) or address

    addresses = [plain(text) for text in entries]
    while len(addresses) > 1 and any(addresses[-1] in network for network in inside):
        addresses.pop()
    found = client_address(PROXY, ", ".join(entries), TrustedProxies([str(network) for network in inside]))
    assert found == addresses[-1].packed
