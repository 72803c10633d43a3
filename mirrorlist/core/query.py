"""What a request asks for: from the spellings of paths and parameters to a Query."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from mirrorlist.core.catalogue import Catalogue, check_arch, repo_names, target
from mirrorlist.core.errors import BadRequest, NotFound
from mirrorlist.core.model import WEB_PROTOCOLS, Policy, Protocol, Query, Target

_ARCH = re.compile(r"[A-Za-z0-9_]{1,32}", re.ASCII)
_COUNTRY = re.compile(r"[A-Za-z]{2}", re.ASCII)
_MOST_VALUES = 32


def parameters(query_string: str) -> dict[str, str]:
    """The parameters of a query string, percent-decoded.

    Keys come in any order (zypper sorts them) and may be bare; the last value of a repeated key counts.
    """
    try:
        return dict(parse_qsl(query_string, keep_blank_values=True, max_num_fields=100))
    except ValueError:
        raise BadRequest("more than 100 parameters") from None


class Spellings:
    """Reads requests by the names of one catalogue. Make one for each catalogue and keep it."""

    def __init__(self, catalogue: Catalogue, policy: Policy) -> None:
        self._catalogue = catalogue
        self._order = policy.protocol_order
        self._repo_names = repo_names(catalogue)

    def by_path(self, version: str, repository: str, given: Mapping[str, str]) -> Query:
        """The query of ``/<version>/<repository>?arch=&protocol=&country=``.

        Raises:
            NotFound: an unknown version, repository or arch, or one that does not exist with the others.
            BadRequest: a malformed value.
        """
        return self._query(target(self._catalogue, version, repository), given)

    def by_name(self, given: Mapping[str, str]) -> Query:
        """The query of ``?repo=baseos-9&arch=x86_64``; raises as ``by_path`` does."""
        name = given.get("repo", "")
        if not name:
            raise BadRequest("the parameter repo is missing; write ?repo=baseos-9&arch=x86_64")
        if name not in self._repo_names:
            raise NotFound("unknown repo; write the repository and the version, as in repo=baseos-9")
        return self._query(target(self._catalogue, *self._repo_names[name]), given)

    def _query(self, found: Target, given: Mapping[str, str]) -> Query:
        return Query(found, _arch(found, given), self._protocols(given), _countries(given))

    def _protocols(self, given: Mapping[str, str]) -> tuple[Protocol, ...]:
        asked = _values(given, "protocol")
        if not asked:
            return self._order
        wanted = {value.lower() for value in asked}
        if unknown := wanted - set(WEB_PROTOCOLS):
            raise BadRequest(f"protocol has {len(unknown)} value that lists cannot serve; write https or http")
        return tuple(protocol for protocol in (*self._order, *WEB_PROTOCOLS) if protocol in wanted)[: len(wanted)]


def _values(given: Mapping[str, str], key: str) -> list[str]:
    """The values of a comma list, blanks dropped; a bare key is as good as none."""
    values = [value.strip() for value in given.get(key, "").split(",")]
    if len(values) > _MOST_VALUES:
        raise BadRequest(f"{key} has more than {_MOST_VALUES} values")
    return [value for value in values if value]


def _arch(found: Target, given: Mapping[str, str]) -> str | None:
    arch = given.get("arch", "").strip()
    if not arch or arch == "$basearch":
        return None
    if not _ARCH.fullmatch(arch):
        raise BadRequest("arch is malformed; write an architecture such as x86_64")
    check_arch(found, arch)
    return arch


def _countries(given: Mapping[str, str]) -> tuple[str, ...]:
    codes = _values(given, "country")
    for code in codes:
        if not _COUNTRY.fullmatch(code):
            raise BadRequest("country is malformed; write two-letter codes such as DE or DE,AT")
    return tuple(dict.fromkeys(code.upper() for code in codes))


def for_metalink(query: Query) -> Query:
    """The query, if a metalink can answer it.

    Raises:
        NotFound: the vault serves it, and the vault has no metalinks.
        BadRequest: the repository differs by arch and none was named.
    """
    if query.target.vault:
        raise NotFound("the vault has no metalinks; ask /mirrorlist instead")
    if "$basearch" in query.path:
        raise BadRequest(f"the parameter arch is missing; known are {', '.join(query.target.arches)}")
    return query
