"""What is wrong with the sources to sync from in a service.yml that its schema accepts."""

from __future__ import annotations

from collections.abc import Iterator

from mirrorlist.core.errors import Finding
from mirrorlist.core.model import MAIN
from mirrorlist.sources.documents import shown
from mirrorlist.sources.finding_codes import Code
from mirrorlist.sources.mirror_urls import url_fault
from mirrorlist.sources.service_draft import Check, Draft, ServiceCode, nearest
from mirrorlist.sources.service_places import place_faults


def sources_are_apart(draft: Draft) -> Iterator[Finding]:
    """No two sources have one name."""
    seen: dict[str, int] = {}
    for index, source in enumerate(draft.text.sync.sources):
        first = seen.setdefault(source.name, index)
        if first != index:
            what = f"{shown(source.name)}, as in sync.sources[{first}]; write another name"
            yield draft.error(("sync", "sources", index, "name"), ServiceCode.SOURCE_TWICE, what)


def sources_have_modules(draft: Draft) -> Iterator[Finding]:
    """A source has addresses that rsync takes, of modules that this file knows."""
    known = dict.fromkeys([MAIN, *draft.text.optional_module_versions, *draft.text.modules])
    for index, source in enumerate(draft.text.sync.sources):
        for module, url in source.rsync.items():
            pointer = ("sync", "sources", index, "rsync", module)
            if module not in known:
                remedy = nearest(module, known, "describe it under modules")
                message = f"sync.sources[{index}].rsync.{module} is not a known module; {remedy}"
                yield draft.key_error(pointer, Code.UNKNOWN_MODULE, message)
            if fault := url_fault(url):
                message = f"sync.sources[{index}].rsync.{module} {shown(url)} {fault}"
                yield draft.document.error(pointer, Code.BAD_URL, message)


def sources_are_places(draft: Draft) -> Iterator[Finding]:
    """The country and the city of a source are known."""
    for index, source in enumerate(draft.text.sync.sources):
        yield from place_faults(draft, ("sync", "sources", index), source)


SYNC_CHECKS: tuple[Check, ...] = (sources_are_apart, sources_have_modules, sources_are_places)
