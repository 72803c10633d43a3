import pytest

from mirrorlist.core.model import Prefix
from mirrorlist.sources.networks import canonical_network, has_host_bits, prefix


@pytest.mark.parametrize(
    ("text", "network"),
    [
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
