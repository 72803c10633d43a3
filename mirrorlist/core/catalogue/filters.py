"""Parse the parameters with which clients filter mirrors: countries and hosts, wanted or not."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mirrorlist.core.errors import BadRequest
from mirrorlist.core.filter import Filter

_COUNTRY = re.compile(r"[A-Za-z]{2}", re.ASCII)
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9_])?|\[[0-9a-f:.]{2,45}\]", re.ASCII)
_MOST_VALUES = 32
GLOBAL = "GLOBAL"
"""Fedora's word in ``country=`` for every country."""


def asked_values(given: Mapping[str, str], key: str) -> list[str]:
    """The values of a comma list, blanks dropped; a bare key is as good as none."""
    values = [value.strip() for value in given.get(key, "").split(",")]
    if len(values) > _MOST_VALUES:
        raise BadRequest("the parameter %(name)s has more than %(most)s values", name=key, most=_MOST_VALUES)
    return [value for value in values if value]


FILTERS = frozenset({"country", "cc", "avoid_country", "only", "avoid"})
"""The parameters that make a filter."""


def asked_filter(given: Mapping[str, str]) -> Filter:
    """The filter of ``country=`` (``-DE``: not it) or CentOS's ``cc=``, ``avoid_country=``, ``only=``, ``avoid=``.

    ``global`` among the countries means all but those to avoid. Raises BadRequest for anything malformed.
    """
    codes = [code.upper() for key in ("country", "cc") for code in asked_values(given, key)]
    wanted = [code for code in codes if not code.startswith("-")]
    unwanted = [code[1:] for code in codes if code.startswith("-")]
    also = [code.upper() for code in asked_values(given, "avoid_country")]
    if GLOBAL in unwanted or not all(code == GLOBAL or _COUNTRY.fullmatch(code) for code in (*wanted, *unwanted)):
        raise BadRequest(
            "the parameter %(name)s is malformed; write two-letter codes such as DE or DE,AT, and -DE for all but that",
            name="country",
        )
    if not all(_COUNTRY.fullmatch(code) for code in also):
        raise BadRequest(
            "the parameter %(name)s is malformed; write two-letter codes such as DE or DE,AT", name="avoid_country"
        )
    return Filter(
        () if GLOBAL in wanted else tuple(dict.fromkeys(wanted)),
        _asked_hosts(given, "only"),
        tuple(dict.fromkeys([*unwanted, *also])),
        _asked_hosts(given, "avoid"),
    )


def _asked_hosts(given: Mapping[str, str], key: str) -> tuple[str, ...]:
    hosts = dict.fromkeys(value.lower().rstrip(".") for value in asked_values(given, key))
    if not all(_HOST.fullmatch(host) for host in hosts):
        raise BadRequest(
            "the parameter %(name)s is malformed; write hosts or names of mirrors, as in %(name)s=mirror.example.org",
            name=key,
        )
    return tuple(hosts)
