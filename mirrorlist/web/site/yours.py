"""The page of the mirrors you get, in which order and why, with lines to copy for your package manager."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from mirrorlist.core.catalogue.catalogue import target
from mirrorlist.core.errors import BadRequest, MirrorlistError, NotFound
from mirrorlist.core.selection.client import CountryOf
from mirrorlist.core.selection.clients import PackageManager, package_managers
from mirrorlist.core.selection.explanation import Explanation, LeftOut
from mirrorlist.web.site.images import why
from mirrorlist.web.site.parameters import asked, explained, question_of
from mirrorlist.web.site.published import Published
from mirrorlist.web.words import base_url

ASKED = ("version", "repo", "arch", "protocol", "country", "ip")
MOST_LENGTH = 100


def yours_page(published: Published, country_of: CountryOf, now: float) -> dict[str, Any]:
    """What the template shows. A question that cannot be answered is told on the page, with what can be asked."""
    form = _asked(published, asked())
    found, said = _explained(published, form, country_of, now)
    return {
        "asked": form,
        "found": found,
        "said": said,
        "versions": published.versions,
        "repositories": [name for name, each in published.service.catalogue.repositories.items() if not each.vault],
        "arches": _arches(published),
        "left_out": _grouped(found.left_out) if found else [],
        "left_out_count": len(found.left_out) if found else 0,
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
        form["repo"] = next(
            (name for name in catalogue.repositories if _is_there(published, form["version"], name)), ""
        )
    if "arch" not in given:
        form["arch"] = next(iter(_arches_of(published, form)), "")
    return form


def _is_there(published: Published, version: str, repository: str) -> bool:
    try:
        return not target(published.service.catalogue, version, repository).vault
    except NotFound:
        return False


def _arches_of(published: Published, asked: Mapping[str, str]) -> tuple[str, ...]:
    try:
        return target(published.service.catalogue, asked["version"], asked["repo"]).arches
    except NotFound:
        return ()


def _arches(published: Published) -> list[str]:
    every = published.service.catalogue.arches.values()
    return list(dict.fromkeys(arch for arches in every for arch in arches))


def _query(asked: Mapping[str, str]) -> str:
    """The fields in the spelling of /mirrorlist."""
    given = {"repo": f"{asked['repo']}-{asked['version']}"}
    return urlencode(given | {name: asked[name] for name in ASKED[2:] if asked[name]})


def _explained(
    published: Published, asked: Mapping[str, str], country_of: CountryOf, now: float
) -> tuple[Explanation | None, str]:
    try:
        return explained(published, question_of(published, _query(asked)), country_of, now), ""
    except (BadRequest, NotFound) as error:
        return None, _sentence(error)


def _sentence(error: MirrorlistError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def _grouped(rows: tuple[LeftOut, ...]) -> list[tuple[str, list[LeftOut]]]:
    """The mirrors that are left out, under each reason."""
    ordered = sorted(rows, key=lambda row: (row.why, row.name))
    return [(reason, list(group)) for reason, group in groupby(ordered, key=lambda row: row.why)]


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
    listed = f"{base}/mirrorlist?repo={repo}-{version}"
    has_metalink = found.module in published.service.origins and bool(published.snapshot.facts.metadata)
    asks = f"metalink={base}/metalink" if has_metalink else f"mirrorlist={base}/mirrorlist"
    key = published.service.site.gpg_key
    checks = f"gpgcheck=1\ngpgkey={key}\n" if key else ""
    ini = f"[{repo}]\nname={name} {version} - {repo}\n{asks}?repo={repo}-{version}&arch=$basearch\nenabled=1\n{checks}"
    every = {
        PackageManager.DNF: Snippet("dnf and yum", f"/etc/yum.repos.d/{repo}.repo", ini),
        PackageManager.ZYPPER: Snippet(
            "zypper", f"/etc/zypp/repos.d/{repo}.repo", ini.replace(asks.partition("=")[0] + "=", "mirrorlist=")
        ),
        PackageManager.APT: Snippet(
            "apt", f"/etc/apt/sources.list.d/{repo}.list", f"deb mirror+{listed}{arch}&format=apt SUITE main\n"
        ),
        PackageManager.PACMAN: Snippet(
            "pacman",
            "writes /etc/pacman.d/mirrorlist",
            f"curl -o /etc/pacman.d/mirrorlist '{listed}{arch}&format=pacman'\n",
        ),
        PackageManager.APK: Snippet(
            "apk", "writes /etc/apk/repositories", f"curl -o /etc/apk/repositories '{listed}{arch}&format=apk'\n"
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
