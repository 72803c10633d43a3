"""Look up the country of an address on a fresh installation: iptocc, from the regional registries' delegations."""

from __future__ import annotations

import socket

import iptocc


def country_of(address: bytes) -> str | None:
    """The ISO code of the country that a packed address is delegated to, or None."""
    family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
    code: str | None = iptocc.country_code(socket.inet_ntop(family, address))
    return code
