"""The page of the mirrors you get, in which order and why, with lines to copy for your package manager."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from flask import request

from mirrorlist.core.catalogue.catalogue import target
from mirrorlist.core.catalogue.query import parameters
from mirrorlist.core.errors import BadRequest, NotFound
from mirrorlist.core.model import RepositoryTarget
from mirrorlist.core.selection.client import CountryOf, PackageManager, package_managers
from mirrorlist.core.selection.explanation import Explanation, explanation
from mirrorlist.core.selection.select import select
from mirrorlist.web.languages import sentence
from mirrorlist.web.lists.views import asking
from mirrorlist.web.questions import Question
from mirrorlist.web.site.images import why
from mirrorlist.web.site.published import Published
from mirrorlist.web.words import base_url

ASKED = ("version", "repo", "arch", "protocol", "country", "avoid_country", "avoid", "only", "ipv", "ip")
WISHED = ASKED[3:-1]
"""What a client says of mirrors, in the lines to copy as well."""
MOST_LENGTH = 100


def yours_page(published: Published, country_of: CountryOf, now: float) -> dict[str, Any]:
    """The values of the template, and the ``status``: a question without an answer gets the error and the form."""
    form = _asked(published, asked())
    found, said, status = None, "", 200
    try:
        found = explained(published, question_of(published, _query(form)), country_of, now)
    except (BadRequest, NotFound) as error:
        said, status = sentence(error), 404 if isinstance(error, NotFound) else 400
    left_out = sorted(found.left_out, key=lambda row: (row.why, row.name)) if found else []
    arches = dict.fromkeys(arch for arches in published.service.catalogue.arches.values() for arch in arches)
    return {
        "asked": form,
        "found": found,
        "said": said,
        "status": status,
        "versions": published.versions,
        "repositories": [name for name, each in published.service.catalogue.repositories.items() if not each.vault],
        "arches": list(arches),
        "left_out": [(reason, list(group)) for reason, group in groupby(left_out, key=lambda row: row.why)],
        "left_out_count": len(left_out),
        "why": why(),
        "snippets": _snippets(published, found, form) if found else [],
        "text_url": f"/mirrorlist?{_query(form)}",
        "api_url": f"/api/v1/selection?{_query(form)}",
        "shown": published.by_name,
    }


def _asked(published: Published, given: Mapping[str, str]) -> dict[str, str]:
    """The form's fields as they were sent, or what most people ask for."""
    form = {name: given.get(name, "").strip()[:MOST_LENGTH] for name in ASKED}
    catalogue = published.service.catalogue
    form["version"] = form["version"] or [*published.versions, *catalogue.latest][-1]
    if not form["repo"]:
        targets = {name: _target(published, form["version"], name) for name in catalogue.repositories}
        form["repo"] = next((name for name, each in targets.items() if each and not each.vault), "")
    if "arch" not in given:
        chosen = _target(published, form["version"], form["repo"])
        form["arch"] = chosen.arches[0] if chosen and chosen.arches else ""
    return form


def _target(published: Published, version: str, repository: str) -> RepositoryTarget | None:
    try:
        return target(published.service.catalogue, version, repository)
    except NotFound:
        return None


def _query(asked: Mapping[str, str]) -> str:
    """The fields in the spelling of /mirrorlist."""
    given = {"repo": f"{asked['repo']}-{asked['version']}"}
    return urlencode(given | {name: asked[name] for name in ASKED[2:] if asked[name]}, safe=",")


@dataclass(frozen=True, slots=True)
class Snippet:
    """Lines to copy: for whom, where they go, what they are."""

    title: str
    where: str
    text: str


def _snippets(published: Published, found: Explanation, asked: Mapping[str, str]) -> list[Snippet]:
    """The lines of the package managers that read the repository."""
    base, name = base_url(published.service), published.service.name
    repo, version = asked["repo"], asked["version"]
    arch = f"&arch={asked['arch']}" if asked["arch"] else ""
    wished = {name: re.sub(r"\s", "", asked[name]) for name in WISHED if asked[name]}
    said = f"&{urlencode(wished, safe=',')}" if wished else ""
    listed = f"{base}/mirrorlist?repo={repo}-{version}"
    has_metalink = found.module in published.service.origins and bool(published.snapshot.facts.metadata)
    asks = f"metalink={base}/metalink" if has_metalink else f"mirrorlist={base}/mirrorlist"
    key = published.service.site.gpg_key
    checks = f"gpgcheck=1\ngpgkey={key}\n" if key else ""
    asks += f"?repo={repo}-{version}&arch=$basearch{said}"
    ini = f"[{repo}]\nname={name} {version} - {repo}\n{asks}\nenabled=1\n{checks}"
    every = {
        PackageManager.DNF: Snippet("dnf and yum", f"/etc/yum.repos.d/{repo}.repo", ini),
        PackageManager.ZYPPER: Snippet(
            "zypper", f"/etc/zypp/repos.d/{repo}.repo", ini.replace(asks.partition("=")[0] + "=", "mirrorlist=")
        ),
        PackageManager.APT: Snippet(
            "apt", f"/etc/apt/sources.list.d/{repo}.list", f"deb mirror+{listed}{arch}{said}&format=apt SUITE main\n"
        ),
        PackageManager.PACMAN: Snippet(
            "pacman",
            "writes /etc/pacman.d/mirrorlist",
            f"curl -o /etc/pacman.d/mirrorlist '{listed}{arch}{said}&format=pacman'\n",
        ),
        PackageManager.APK: Snippet(
            "apk", "writes /etc/apk/repositories", f"curl -o /etc/apk/repositories '{listed}{arch}{said}&format=apk'\n"
        ),
    }
    return [every[each] for each in _readers(published, found)]


def _readers(published: Published, found: Explanation) -> tuple[PackageManager, ...]:
    """The package managers that read the repository, by the origin's files where they are listed."""
    index = published.snapshot.files.get(found.module)
    catalogue = published.service.catalogue
    repository = catalogue.repositories[found.repository]
    arch = found.arch or next(iter(target(catalogue, found.version, found.repository).arches), "")
    directory = found.path.replace("$basearch", arch)

    def is_there(path: str) -> bool:
        return index is not None and (index.find(path) is not None or index.entries(path) is not None)

    return package_managers(repository, directory, is_there if index else None)


# The question that a page or the API is asked by a query string of any bytes, and its one explanation for both.


def asked() -> dict[str, str]:
    """The parameters; of a repeated one the last value counts. Raises BadRequest for more than 100."""
    return parameters(request.query_string.decode("latin-1"))  # Flask's own reading fails on bytes that are not UTF-8


def question_of(published: Published, query_string: str) -> Question:
    """The question of ``repo=baseos-9&arch=x86_64&ip=...``, as /mirrorlist reads it; raises as ``Questions.read``."""
    return published.questions.read("/mirrorlist", query_string)


def explained(published: Published, question: Question, country_of: CountryOf, now: float) -> Explanation:
    """The explanation for the asker of this request, or the public one for another address."""
    client = asking(published.snapshot, country_of, question.ip)
    question = published.questions.located(published.snapshot, question, now)
    return explanation(published.snapshot, select(published.snapshot, question.query, client, now, question.narrowing))
