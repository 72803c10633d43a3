"""Hosts of URLs: which are addresses, whatever they look like."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def is_number(label: str) -> bool:
    """Whether a label in small letters is a number to programs; a host that ends with one is read as an address."""
    return _NUMBER.fullmatch(label) is not None


def is_address(host: str) -> bool:
    """Whether a host is an address in any spelling that programs understand: ``[::1]``, ``127.1``, ``0x7f000001``."""
    return ":" in host or is_number(host.rpartition(".")[2])
