"""Check where a submitted file leads: names, hosts, ports, paths, and the contact address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import unquote

import idna

from mirrorlist.core.errors import Finding
from mirrorlist.core.network.prefixes import is_address, is_number
from mirrorlist.core.network.public_addresses import FIRST_FREE_PORT
from mirrorlist.sources.mirrors.urls import DEFAULT_PORTS, Parts, plain_path, scheme_of, url_fault, url_key, url_parts
from mirrorlist.sources.submissions.submission import Check, Guard, Submission, SubmissionFault, SubmissionTerms, asked
from mirrorlist.sources.submissions.submission import SubmissionCode as Code
from mirrorlist.sources.submissions.text import is_latin_in_disguise, look_alike
from mirrorlist.sources.yaml.documents import Code as LoaderCode
from mirrorlist.sources.yaml.documents import Pointer, shown, spelled

# Host names that public DNS can hold, and those that only look like it.

LONGEST_NAME = 253
LONGEST_LABEL = 63

NOT_PUBLIC = frozenset({
    "alt", "arpa", "corp", "home", "internal", "intranet", "invalid", "lan", "local", "localdomain", "localhost",
    "onion", "private", "test",
})  # fmt: skip
"""Last labels that the public's DNS does not serve: RFC 2606, 6761, 6762, 7686, 9476, and what routers hand out."""

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_EMAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LONGEST_LOCAL_PART = 64


def name_fault(name: str) -> str | None:
    """Why a text in small letters is no host name, with a remedy; None for a name of one label or more."""
    if name.endswith("."):
        return "ends with a dot, which web servers take for another name; remove it"
    labels = name.split(".")
    if len(name) > LONGEST_NAME or any(len(label) > LONGEST_LABEL for label in labels):
        return f"is too long for DNS; write labels of at most {LONGEST_LABEL} and a name of {LONGEST_NAME} characters"
    if not all(map(_LABEL.fullmatch, labels)):
        return "is no host name; write letters, digits and inner hyphens between single dots"
    if is_number(labels[-1]):
        return "ends with a number, so it is read as an address; write a host name"
    return next((fault for label in labels if (fault := _label_fault(label))), None)


def public_name_fault(name: str) -> str | None:
    """Why the public cannot reach a host name, with a remedy."""
    last = name.rpartition(".")[2]
    if "." not in name:
        return "has no domain; write the whole name, as in mirror.example.org"
    return f"lies in .{last}, which the public cannot look up; write a public name" if last in NOT_PUBLIC else None


def email_fault(text: str, public: bool) -> str | None:
    """Why nobody can be reached by a text, with a remedy."""
    local, _, domain = text.rpartition("@")
    if len(local) > _LONGEST_LOCAL_PART or not _EMAIL.fullmatch(local):
        return "is no e-mail address; write name@host and nothing around it"
    name = domain.lower()
    fault = name_fault(name) or (public_name_fault(name) if public else None)
    return f"names a host that {fault}" if fault else None


def _label_fault(label: str) -> str | None:
    """What is wrong with a label that stands for another script, or pretends to."""
    if label[2:4] != "--":
        return None
    try:
        text = idna.ulabel(label)
    except (idna.IDNAError, UnicodeError):
        return "has an internationalised part that means nothing; write it as your registrar does"
    why = look_alike(text)
    if why is None and is_latin_in_disguise(text):
        why = "looks Latin and is not; write the name that people know"
    return f"stands for '{text}', which {why}" if why else None


LAST_PORT = 65535
LIST: Pointer = ("subnets",)
"""Where the URL of a list of networks is."""

_BAD_ENCODING = re.compile(r"%(?![0-9A-Fa-f]{2})|%(?:[01][0-9A-Fa-f]|7[Ff]|2[345Ff]|3[Ff]|5[Cc])")
_OWN_MACHINE = re.compile(r"(.*\.)?localhost|localhost\.localdomain")
_DOTS = re.compile(r"(?:\.|%2[Ee]){1,2}")


def name_is_a_host(submission: Submission, terms: SubmissionTerms) -> Iterator[Finding]:
    """The mirror's name is possible in DNS; a public mirror's can be looked up."""
    name = submission.name
    fault = name_fault(name) if name else None
    if name and fault is None and _is_judged_as_public(submission, terms):
        fault = public_name_fault(name)
    if fault:
        yield submission.error(("name",), Code.BAD_HOST, f"name {shown(name)} {fault}")


def hosts_are_other_machines(submission: Submission, terms: SubmissionTerms) -> Iterator[SubmissionFault]:
    """No host is the client's own machine or its link, in any spelling, whomever the mirror serves."""
    for pointer, url in _all_urls(submission):
        host = url_parts(url).host
        if is_address(host) and not _is_plain_address(host):
            said = "is no plain spelling of an address; write the host's name"
            yield SubmissionFault(pointer, Code.BAD_HOST, f"{_host_of(pointer, url)} {said}")
        elif fault := terms.local_fault(host):
            message = f"{_host_of(pointer, url)}: {fault}, so nobody else reaches it; write a public host"
            yield SubmissionFault(pointer, Code.HOST_NOT_PUBLIC, message)
        elif terms.is_public and _OWN_MACHINE.fullmatch(host):
            said = "is whatever machine asks; write the host that serves the mirror"
            yield SubmissionFault(pointer, Code.HOST_NOT_PUBLIC, f"{_host_of(pointer, url)} {said}")


def _host_of(pointer: Pointer, url: str) -> str:
    return f"the host of {spelled(pointer)} {shown(url)}"


def hosts_are_public(submission: Submission, terms: SubmissionTerms) -> Iterator[SubmissionFault]:
    """Every host is well formed; a public mirror's is one that everybody can reach.

    A list of networks is fetched by the service itself, so its host has to be public whatever the mirror is.
    """
    is_judged_as_public = _is_judged_as_public(submission, terms)
    for pointer, url in _all_urls(submission):
        host = url_parts(url).host
        if is_address(host):
            asked_for = not submission.private or pointer == LIST
            is_judged = asked_for and _is_plain_address(host) and not terms.local_fault(host)
            if is_judged and (fault := terms.address_fault(host)):
                message = f"{_host_of(pointer, url)}: {fault}, so not everybody can reach it; write a public host"
                yield SubmissionFault(pointer, Code.HOST_NOT_PUBLIC, message)
        elif fault := name_fault(host):
            yield SubmissionFault(pointer, Code.BAD_HOST, f"{_host_of(pointer, url)} {fault}")
        elif not _OWN_MACHINE.fullmatch(host):
            has_to_be_public = is_judged_as_public or (terms.is_public and pointer == LIST)
            if has_to_be_public and (fault := public_name_fault(host)):
                yield SubmissionFault(pointer, Code.HOST_NOT_PUBLIC, f"{_host_of(pointer, url)} {fault}")


def _is_plain_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def hosts_have_names(submission: Submission, terms: SubmissionTerms) -> Iterator[Finding]:
    """A public mirror has a name, for an address changes and fits no certificate."""
    for pointer, url in _all_urls(submission):
        host, asked_for = url_parts(url).host, not submission.private or pointer == LIST
        if terms.is_public and asked_for and _is_plain_address(host) and terms.address_fault(host) is None:
            said = f"the host of {spelled(pointer)} {shown(url)}"
            message = f"{said} is an address, which changes and fits no certificate; write the host's name"
            yield submission.warning(pointer, Code.ADDRESS_AS_HOST, message)


def host_is_the_one_named(submission: Submission, _: SubmissionTerms) -> Iterator[Finding]:
    """The mirror is called after the host that serves it."""
    hosts = [url_parts(url).host for _, url in submission.urls() if scheme_of(url) in ("http", "https")]
    names = [host for host in hosts if not is_address(host)]
    if submission.name and names and submission.name not in names:
        message = f"name {shown(submission.name)} is not the host of a URL, which is {shown(names[0])}; use one of them"
        yield submission.warning(("name",), Code.OTHER_HOST, message)


def list_is_at_a_plain_url(submission: Submission, _: SubmissionTerms) -> Iterator[SubmissionFault]:
    """The URL of a list of networks is as plain as those of trees."""
    url = submission.root.get("subnets")
    if isinstance(url, str) and (fault := url_fault(url)):
        yield SubmissionFault(LIST, LoaderCode.BAD_URL, f"subnets {shown(url)} {fault}")


def ports_are_free(submission: Submission, terms: SubmissionTerms) -> Iterator[SubmissionFault]:
    """A port is the scheme's own, or one that belongs to nothing else."""
    for pointer, url in _all_urls(submission):
        if fault := _port_fault(url_parts(url), terms):
            yield SubmissionFault(pointer, Code.BAD_PORT, f"{spelled(pointer)} {shown(url)} {fault}")


def _port_fault(parts: Parts, terms: SubmissionTerms) -> str | None:
    web = {DEFAULT_PORTS["http"], DEFAULT_PORTS["https"]}
    if parts.port == DEFAULT_PORTS[parts.scheme] or (parts.scheme in ("http", "https") and parts.port in web):
        return None
    if parts.port in terms.ports:
        return f"has port {parts.port}, which belongs to {terms.ports[parts.port]}; use {DEFAULT_PORTS[parts.scheme]}"
    if FIRST_FREE_PORT <= parts.port <= LAST_PORT:
        return None
    return f"has port {parts.port}; use {DEFAULT_PORTS[parts.scheme]}, or one from {FIRST_FREE_PORT} on"


def paths_are_plain(submission: Submission, _: SubmissionTerms) -> Iterator[SubmissionFault]:
    """A path means the same to every client: no dot segments, and nothing encoded that steers."""
    for pointer, url in _all_urls(submission):
        path = url_parts(url).path
        if _BAD_ENCODING.search(path) or any(map(_DOTS.fullmatch, path.split("/"))) or not _is_text(path):
            remedy = "write the plain path, without '.' and '..', and encode nothing but blanks and letters (UTF-8)"
            message = f"the path of {spelled(pointer)} {shown(url)} does not mean the same to all clients; {remedy}"
            yield SubmissionFault(pointer, Code.BAD_PATH, message)


def _is_text(path: str) -> bool:
    try:
        unquote(path, errors="strict")
    except UnicodeDecodeError:
        return False
    return True


def rsync_names_a_module(submission: Submission, _: SubmissionTerms) -> Iterator[SubmissionFault]:
    """An address for rsync leads to a module, without which there is only a list of modules."""
    for pointer, url in submission.urls():
        if scheme_of(url) == "rsync" and url_parts(url).path == "/":
            message = f"{spelled(pointer)} {shown(url)} names no module; write rsync://host/module/"
            yield SubmissionFault(pointer, Code.BAD_PATH, message)


def web_hosts_agree(submission: Submission, _: SubmissionTerms) -> Iterator[Finding]:
    """One tree has one host over http and https: what is looked at over one must not send clients elsewhere."""
    for pointer, book in submission.books():
        hosts = {key: url_parts(book[key]).host for key in ("https", "http") if key in book}
        if len(set(hosts.values())) > 1:
            message = (
                f"{spelled(pointer)} has the host {shown(hosts['http'])} under http, {shown(hosts['https'])} under"
            )
            yield submission.warning((*pointer, "http"), Code.OTHER_HOST, f"{message} https; use one host for both")


def web_paths_agree(submission: Submission, _: SubmissionTerms) -> Iterator[Finding]:
    """One tree has one path over http and https, so that a client may change between them."""
    for pointer, book in submission.books():
        if {"http", "https"} <= book.keys():
            one, other = url_parts(book["https"]), url_parts(book["http"])
            if plain_path(one.path) != plain_path(other.path):
                message = (
                    f"{spelled(pointer)} has the path {shown(other.path)} under http, {shown(one.path)} under https"
                )
                yield submission.error((*pointer, "http"), Code.PATHS_DIFFER, f"{message}; use one path for both")


def urls_are_its_own(submission: Submission, _: SubmissionTerms) -> Iterator[Finding]:
    """No other mirror has the URL, and no other module of this one."""
    seen: dict[str, Pointer] = {}
    for pointer, url in submission.urls():
        key = url_key(url)
        first = seen.setdefault(key, pointer)
        holders = submission.others(submission.neighbours.urls.get(key, ()))
        if first[:-1] != pointer[:-1]:
            message = f"{spelled(pointer)} {shown(url)} is the tree of {spelled(first)} too; write each module's own"
            yield submission.error(pointer, Code.DUPLICATE_URL, message)
        if holders:
            remedy = "write another URL here, or keep one file: with its places, or with 'global: true'"
            message = f"{spelled(pointer)} {shown(url)} is the tree of {holders[0]} too; {remedy}"
            yield submission.error(pointer, Code.DUPLICATE_URL, message)


def people_are_reached(submission: Submission, terms: SubmissionTerms) -> Iterator[Finding]:
    """The e-mail address is one, and nothing more."""
    text = submission.root.get("email")
    if isinstance(text, str) and (fault := email_fault(text, _is_judged_as_public(submission, terms))):
        yield submission.error(("email",), Code.BAD_EMAIL, f"email {shown(text)} {fault}")


def _all_urls(submission: Submission) -> Iterator[tuple[Pointer, str]]:
    """The URLs of trees, and that of a list of networks."""
    yield from submission.urls()
    subnets = submission.root.get("subnets")
    if isinstance(subnets, str) and url_fault(subnets) is None:
        yield LIST, subnets


def _is_judged_as_public(submission: Submission, terms: SubmissionTerms) -> bool:
    return terms.is_public and not submission.private


EVERYWHERE: tuple[Guard, ...] = (hosts_are_other_machines, paths_are_plain)
"""In an intranet, too, files are served without what these find."""

HOST_GUARDS: tuple[Guard, ...] = (
    *EVERYWHERE,
    hosts_are_public,
    list_is_at_a_plain_url,
    ports_are_free,
    rsync_names_a_module,
)

HOST_CHECKS: tuple[Check, ...] = (
    name_is_a_host,
    *map(asked, HOST_GUARDS),
    hosts_have_names,
    host_is_the_one_named,
    web_hosts_agree,
    web_paths_agree,
    urls_are_its_own,
    people_are_reached,
)
