"""The country of an address right after installing: iptocc, from the delegations of the regional registries."""

from __future__ import annotations

import ipaddress

import iptocc


def country_of(address: bytes) -> str | None:
    """The ISO code of the country that a packed address is delegated to, or None."""
    code: str | None = iptocc.country_code(str(ipaddress.ip_address(address)))
    return code
