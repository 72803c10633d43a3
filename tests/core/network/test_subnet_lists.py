"""Lists of networks at a URL: what a mirror may claim, and how much of it changed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mirrorlist.core.model import Prefix
from mirrorlist.core.network.prefixes import parse_prefix
from mirrorlist.core.network.subnet_lists import ListRules, changes_too_much, list_faults, told_in_short
from tests.building import mirror


def prefixes(*texts: str) -> tuple[Prefix, ...]:
    return tuple(parse_prefix(text)[0] for text in texts)


RULES = ListRules(tuple((parse_prefix(text)[0], "private") for text in ("10.0.0.0/8", "fc00::/7")))
OTHERS = [
    mirror("own", subnets=("20.1.0.0/24",)),
    mirror("other", subnets=("20.2.0.0/24", "2a00:1::/48")),
    mirror("alone", private=True, monopoly=True, subnets=("20.3.0.0/24",)),
]


def faults(*texts: str, approved: bool = False, monopoly: bool = False, allowed: Sequence[str] = ()) -> tuple[str, ...]:
    own = mirror("own", private=monopoly, monopoly=monopoly)
    rules = ListRules(RULES.special, prefixes(*allowed), (own.name,) if approved else ())
    return list_faults(own, prefixes(*texts), OTHERS, rules)


def test_networks_of_the_mirror_itself_are_fine() -> None:
    assert faults("20.1.0.0/23", "2a00:2::/32", "30.0.0.0/17") == ()


@pytest.mark.parametrize(
    ("networks", "said", "of_an_approved"),
    [
        (["10.1.0.0/24"], "10.1.0.0/24 is not public (private)", False),
        (["8.0.0.0/6"], "8.0.0.0/6 is not public (private)", False),
        (["fd00:1::/48"], "fd00:1::/48 is not public (private)", False),
        (["4000::/40"], "4000::/40 is not public (not global)", False),
        (["30.0.0.0/15"], "30.0.0.0/15 is wider than /16", False),
        (["2a00::/31"], "2a00::/31 is wider than /32", False),
        (["30.0.0.0/16", "31.0.0.0/32"], "its networks hold more addresses than a /16", False),
        (["20.2.0.0/16"], "20.2.0.0/16 shares addresses with 20.2.0.0/24 of other.example.org", False),
        (["20.2.0.7/32"], "20.2.0.7/32 shares addresses with 20.2.0.0/24 of other.example.org", False),
        (["2a00:1::/64"], "2a00:1::/64 shares addresses with 2a00:1::/48 of other.example.org", False),
        (["20.3.0.9/32"], "20.3.0.9/32 shares addresses with 20.3.0.0/24 of alone.example.org, which serves it", True),
    ],
)
def test_a_list_is_held_to_the_rules_of_a_file(networks: list[str], said: str, of_an_approved: bool) -> None:
    found = faults(*networks)
    assert any(fault.startswith(said) for fault in found), found
    assert bool(faults(*networks, approved=True)) is of_an_approved


def test_what_covers_itself_counts_once() -> None:
    assert faults("30.0.0.0/16", "30.0.0.0/17", "30.0.128.0/17") == ()


def test_an_intranet_names_its_own_networks() -> None:
    assert faults("10.1.0.0/24", allowed=["10.0.0.0/12"]) == ()
    assert faults("10.99.0.0/24", allowed=["10.0.0.0/12"]) != ()


def test_a_monopoly_by_a_list_needs_approval() -> None:
    said = "a list may change after every review, so a monopoly needs own.example.org under approved in service.yml"
    assert faults("30.0.0.0/24", monopoly=True) == (said,)
    assert faults("30.0.0.0/24", monopoly=True, approved=True) == ()


def test_a_long_list_of_faults_is_cut() -> None:
    assert len(faults(*(f"10.{number}.0.0/24" for number in range(100)))) == 3


@pytest.mark.parametrize(
    ("former", "found", "expected"),
    [
        (["20.0.0.0/24"], ["20.0.0.0/24"], False),
        (["20.0.0.0/24"], ["20.0.0.0/25"], False),
        (["20.0.0.0/24"], ["20.0.0.0/26"], True),
        (["20.0.0.0/24"], ["20.0.0.0/23"], False),
        (["20.0.0.0/24"], ["20.0.0.0/22"], True),
        (["20.0.0.0/24"], ["20.0.0.0/25", "20.0.0.128/25"], False),
        (["20.0.0.0/24"], ["20.0.1.0/24"], True),
        (["20.0.0.0/24"], ["20.0.0.0/26", "20.0.0.128/26"], False),
        (["20.0.0.0/26", "20.0.0.128/26"], ["20.0.0.0/24"], False),
        (["20.0.0.0/24", "20.0.2.0/24", "20.0.2.128/25"], ["20.0.0.0/24"], False),
        (["20.0.0.0/24", "20.0.2.0/24", "20.0.2.64/26"], ["20.0.0.128/25", "20.0.2.128/25"], False),
        (["20.0.0.0/24"], [], True),
        ([], ["20.0.0.0/24"], True),
        (["20.0.0.0/24"], ["20.0.0.0/24", "2a00::/32"], True),
        (["20.0.0.0/24", "2a00::/32"], ["20.0.1.0/24", "2a00::/32"], True),
        (["2a00::/32"], ["2a00::/33"], False),
        ([], [], False),
    ],
)
def test_over_half_of_the_addresses_is_too_much(former: list[str], found: list[str], expected: bool) -> None:
    assert changes_too_much(prefixes(*former), prefixes(*found)) is expected


def test_networks_are_counted_by_family() -> None:
    assert told_in_short(prefixes("2a00::/32", "20.0.0.0/24", "21.0.0.0/24")) == "2 of IPv4 and 1 of IPv6"
    assert told_in_short(()) == "none"
