"""Parse the spellings of paths and parameters into a Query.

AlmaLinux asks by path (``/mirrorlist/9/baseos?arch=``), Fedora by name (``?repo=baseos-9&arch=``) or by a
directory (``?path=``), CentOS by release (``?release=9&repo=baseos&arch=``). All end in one Query.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from urllib.parse import parse_qsl

from mirrorlist.core.catalogue.catalogue import (
    VERSION_MARK,
    Catalogue,
    Release,
    carried_versions,
    check_arch,
    nearest_name,
    release,
    repo_names,
    spelled_versions,
    target,
)
from mirrorlist.core.catalogue.metadata import REPOMD
from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.errors import BadRequest, NotFound
from mirrorlist.core.filter import Filter
from mirrorlist.core.model import WEB_PROTOCOLS, Query, RepositoryTarget

_COUNTRY = re.compile(r"[A-Za-z]{2}", re.ASCII)
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9_])?|\[[0-9a-f:.]{2,45}\]", re.ASCII)
_MOST_VALUES = 32
_BY_ISO = {"UK": "GB", "EL": "GR"}
"""Codes of countries that the European Union has beside those of ISO 3166-1."""
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
        () if GLOBAL in wanted else _countries(wanted),
        _asked_hosts(given, "only"),
        _countries([*unwanted, *also]),
        _asked_hosts(given, "avoid"),
    )


def _countries(codes: Iterable[str]) -> tuple[str, ...]:
    """Each country once, by its ISO code."""
    return tuple(dict.fromkeys(_BY_ISO.get(code, code) for code in codes))


def _asked_hosts(given: Mapping[str, str], key: str) -> tuple[str, ...]:
    hosts = dict.fromkeys(value.lower().rstrip(".") for value in asked_values(given, key))
    if not all(_HOST.fullmatch(host) for host in hosts):
        raise BadRequest(
            "the parameter %(name)s is malformed; write hosts or names of mirrors, as in %(name)s=mirror.example.org",
            name=key,
        )
    return tuple(hosts)


# Fedora's ``path=``: a directory or file below a mirror's tree, and the repository it belongs to.

_SEGMENT = re.compile(r"\.?[A-Za-z0-9_+~:@$][A-Za-z0-9._+~:@$-]*", re.ASCII)
_LONGEST = 512


class Paths:
    """The directories that a catalogue publishes."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        # the repositories of the versions that mirrors carry, by their directories: the vault's are known as its own
        self._known: dict[str, RepositoryTarget] = {}
        for version in spelled_versions(catalogue):
            for repository in catalogue.repositories if version not in catalogue.vault_versions else ():
                with suppress(NotFound):
                    found = target(catalogue, version, repository)
                    self._known.update((found.path.replace("$basearch", arch), found) for arch in found.arches)
        self._heads = dict.fromkeys(_head(repository.path) for repository in catalogue.repositories.values())

    def target(self, path: str) -> RepositoryTarget:
        """The target of a path; ``9/`` at its beginning is the current ``9.8/``.

        A known repository is its directory, with or without the slash at the end. Whatever else lies below a
        version's directory is passed on as it is: what is there, the mirrors know.

        Raises:
            BadRequest: the path is malformed.
            NotFound: it lies below no version that exists.
        """
        if len(path) > _LONGEST:
            raise BadRequest("path is longer than %(most)s characters", most=_LONGEST)
        segments = [segment for segment in path.split("/") if segment]  # doubled slashes are one
        if not segments or not all(_SEGMENT.fullmatch(segment) for segment in segments):
            raise BadRequest("path is malformed; write a directory or file below a mirror's tree")
        slash = "/" if path.endswith("/") else ""
        if found := self._known_above(segments, slash):
            return found
        rel, in_full = self._in_full(segments)
        return self._known_above(in_full, slash) or RepositoryTarget(
            "", rel.version, rel.module, "/".join(in_full) + slash, rel.vault, ()
        )

    def is_repository(self, path: str) -> bool:
        """Whether the path of a target is a whole repository."""
        return path in self._known

    def _known_above(self, segments: list[str], slash: str) -> RepositoryTarget | None:
        """The innermost known repository that a path leads to or into."""
        for count in range(len(segments), 0, -1):
            directory = "/".join(segments[:count]) + "/"
            if found := self._known.get(directory):
                below = "/".join(segments[count:])
                return replace(found, path=directory + below + (slash if below else ""), arches=())
        return None

    def _in_full(self, segments: list[str]) -> tuple[Release, list[str]]:
        """The version that a path names, and the path with the version that is served for it."""
        for head in self._heads:
            if head is None or len(segments) < len(head) or list(head[:-1]) != segments[: len(head) - 1]:
                continue
            try:
                # the version in ``f39`` under ``f{version}``; empty, and so no version, where the rest differs
                template = head[-1]
                segment = segments[len(head) - 1]
                before, _, after = template.partition(VERSION_MARK)
                fits = segment.startswith(before) and segment.endswith(after) and len(segment) > len(before + after)
                rel = release(self._catalogue, (segment[len(before) : len(segment) - len(after)] if fits else ""))
            except NotFound:
                continue
            named = head[-1].replace(VERSION_MARK, rel.version)
            return rel, [*segments[: len(head) - 1], named, *segments[len(head) :]]
        known = ", ".join(carried_versions(self._catalogue))
        raise NotFound("path is below no version's directory; known versions are %(known)s", known=known)


def _head(path: str) -> tuple[str, ...] | None:
    """The segments of a repository's path up to the one that names the version; None if none does."""
    if not path.startswith("/"):
        return (VERSION_MARK,)
    segments = path[1:].split("/")
    last = next((number for number, segment in enumerate(segments) if VERSION_MARK in segment), None)
    return None if last is None else tuple(segments[: last + 1])


_ARCH = re.compile(r"[A-Za-z0-9_]{1,32}", re.ASCII)
_PATH_PARAMETER = re.compile(r"(?:^|(?<=&))path=[^&]*")


def parameters(query_string: str) -> dict[str, str]:
    """The parameters of a query string, percent-decoded.

    Keys come in any order (zypper sorts them) and may be bare. The last value of a repeated key counts, but all values
    of one that is a list of what to avoid or to take. A plus sign in ``path=`` is one, as in ``libstdc++``: no path has
    a blank, which forms write so.

    Raises:
        BadRequest: there are more than 100.
    """
    if "+" in query_string:
        query_string = _PATH_PARAMETER.sub(lambda found: found[0].replace("+", "%2B"), query_string)
    try:
        pairs = parse_qsl(query_string, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise BadRequest("more than 100 parameters") from None
    given: dict[str, str] = {}
    for key, value in pairs:
        given[key] = f"{given[key]},{value}" if key in FILTERS and key in given else value
    return given


class Spellings:
    """Reads requests by the names of one catalogue. Make one for each catalogue and keep it.

    Its methods raise NotFound for what does not exist, and BadRequest for what is malformed.
    """

    def __init__(self, catalogue: Catalogue, policy: Policy) -> None:
        self._catalogue = catalogue
        self._order = policy.protocol_order
        self._repo_names = repo_names(catalogue)
        self._paths = Paths(catalogue)

    def by_path(self, version: str, repository: str, given: Mapping[str, str]) -> Query:
        """The query of ``/<version>/<repository>?arch=&protocol=&country=``."""
        return self._query(target(self._catalogue, version, repository), given)

    def by_isos(self, version: str, arch: str, given: Mapping[str, str]) -> Query:
        """The query of ``/isolist/<version>/<arch>``: the directory of a release's images."""
        rel = release(self._catalogue, version)
        arches = self._catalogue.arches.get(rel.arches_key, ())
        if arch not in arches:
            raise NotFound(
                "unknown arch for version %(version)s; known are %(known)s",
                version=rel.version,
                known=", ".join(arches),
            )
        directory = f"{rel.version}/isos/{arch}"
        found = RepositoryTarget("isos", rel.version, rel.module, directory, rel.vault, ())
        return replace(self._query(found, {**given, "arch": ""}), file=directory)

    def by_name(self, given: Mapping[str, str]) -> Query:
        """The query of ``?repo=baseos-9&arch=x86_64``, ``?release=9&repo=baseos`` or ``?path=9/BaseOS/x86_64/os``."""
        if path := given.get("path"):
            found = self._paths.target(path)
            query = self._query(found, {**given, "arch": ""})
            return query if self._paths.is_repository(found.path) else replace(query, file=found.path)
        name, version = given.get("repo", ""), given.get("release") or given.get("version") or ""
        if not name:
            raise BadRequest("the parameter repo is missing; write ?repo=baseos-9&arch=x86_64")
        return self._query(target(self._catalogue, *self._named(name, version)), given)

    def _named(self, name: str, version: str) -> tuple[str, str]:
        """Version and repository of a name; with a version beside it the name may do without one."""
        known = self._catalogue.repositories
        if version and name in known:
            return version, name
        if version and self._catalogue.aliases.get(name) in known:
            return version, self._catalogue.aliases[name]
        for spelling in (f"{name}-{version}", name):
            if spelling in self._repo_names:
                return self._repo_names[spelling]
        near = nearest_name(name, self._repo_names)
        if near is None:
            raise NotFound("unknown repo; write the repository and the version, as in repo=baseos-9")
        raise NotFound("unknown repo; did you mean repo=%(near)s?", near=near)

    def _query(self, found: RepositoryTarget, given: Mapping[str, str]) -> Query:
        asked = asked_protocols(given)
        known = dict.fromkeys((*self._order, *WEB_PROTOCOLS))
        protocols = tuple(protocol for protocol in known if protocol in asked)
        return Query(
            found,
            _arch(found, given),
            protocols or self._order,
            asked_filter(given),
            every_protocol=len(protocols) > 1,
            networks=not is_denied(given, "netblock"),
        )


TRUE_WORDS = frozenset({"", "1", "true", "yes", "on", "y", "t"})
FALSE_WORDS = frozenset({"0", "false", "no", "off", "n", "f"})


def is_set(given: Mapping[str, str], flag: str) -> bool:
    """Whether a flag is there, bare or with a word for true."""
    value = given.get(flag)
    return value is not None and value.strip().lower() in TRUE_WORDS


def is_denied(given: Mapping[str, str], flag: str) -> bool:
    """Whether a flag is there with a word for false."""
    value = given.get(flag)
    return value is not None and value.strip().lower() in FALSE_WORDS


def asked_protocols(given: Mapping[str, str]) -> set[str]:
    """The protocols of ``protocol=``; raises BadRequest for one that no list can have."""
    wanted = {value.lower() for value in asked_values(given, "protocol")}
    if wanted - set(WEB_PROTOCOLS):
        raise BadRequest("protocol names one that lists cannot serve; write https, http or both")
    return wanted


def _arch(found: RepositoryTarget, given: Mapping[str, str]) -> str | None:
    """The arch that fills in ``$basearch``; sources are the same for all of them, whatever was asked."""
    arch = given.get("arch", "").strip()
    if not arch or arch == "$basearch":
        return None
    if not _ARCH.fullmatch(arch):
        raise BadRequest("the parameter %(name)s is malformed; write an architecture such as x86_64", name="arch")
    if "$basearch" not in found.path and "source" in (arch, *found.repository.split("-")):
        return None
    check_arch(found, arch)
    return arch


def for_metalink(query: Query) -> Query:
    """The query, if a metalink can answer it; a metalink has one URL per mirror, so that preference falls strictly.

    A repomd.xml that ``path=`` names is its repository's, as a metalink's file always is.

    Raises:
        NotFound: the vault serves it, and the vault has no metalinks.
        BadRequest: the repository differs by arch and none was named.
    """
    if query.target.vault:
        raise NotFound("the vault has no metalinks; ask /mirrorlist instead")
    query = for_one_arch(query)
    directory = query.target.path.removesuffix(REPOMD)
    file = query.file if directory == query.target.path else None
    target = replace(query.target, path=directory)
    return replace(query, target=target, file=file, every_protocol=False, checksummed=True)


def for_one_arch(query: Query) -> Query:
    """The query, if it leaves no arch for the client to fill in.

    Raises:
        BadRequest: the repository differs by arch and none was named.
    """
    if "$basearch" in query.path:
        raise BadRequest(
            "the parameter arch is missing; known are %(known)s", known=", ".join(query.target.arches) or "-"
        )
    return query
