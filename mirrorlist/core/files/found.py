"""The findings of a file index about one mirror, for its owner and for everybody: counts, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from mirrorlist.core.files.index import Indexed, IndexFacts

_HOUR = 3600
LEAST_WRONG = 3
"""Files of a mirror that must differ from the origin's, and most of those there, before its state says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFiles:
    """The files of one module on one mirror, as ``mirrorlist update files`` found them.

    ``has`` of the ``compared`` files are as at the origin; ``listed_at`` is when that was seen, None for never.
    ``outdated_since``: it has not followed the origin since then, and redirects pass it over. ``offset_seconds``: its
    times are so much later than the origin's. ``asked`` files were asked for over the web, of which ``wrong`` have
    another size or an older time. ``contradicted``: its web server does not give what its rsync server lists.
    ``failed`` is why it could not be listed the last time.
    """

    listed_at: float | None = None
    compared: int = 0
    has: int = 0
    outdated_since: float | None = None
    offset_seconds: int | None = None
    asked: int = 0
    wrong: int = 0
    contradicted: bool = False
    failed: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is to be said about it."""
        return not (self.failed or self.contradicted or self.offset_seconds) and self.has == self.compared > 0

    @property
    def is_bad(self) -> bool:
        """Whether a mirror with such files is not to be called current."""
        return self.outdated_since is not None or (self.wrong >= LEAST_WRONG and self.wrong > self.asked / 2)


def found_files(said: Indexed) -> FoundFiles:
    """What an index says of a mirror."""
    return FoundFiles(
        listed_at=said.listed_at,
        compared=said.known or 0,
        has=said.held,
        outdated_since=said.outdated_since,
        offset_seconds=said.offset,
        asked=said.asked,
        wrong=said.wrong,
        contradicted=said.doubted,
        failed=said.why or None,
    )


def by_mirror(indexes: Mapping[str, IndexFacts]) -> dict[str, dict[str, FoundFiles]]:
    """Of each mirror by its name what is known of each module's files."""
    found: dict[str, dict[str, FoundFiles]] = {}
    for module, facts in indexes.items():
        for each in facts.mirrors:
            found.setdefault(each.name, {})[module] = found_files(each)
    return found


OUTDATED = "outdated: it has not followed the origin's files since %(since)s UTC, so redirects pass it over: sync it"
HAS = "it has %(has)s of %(compared)s files that were compared with the origin"
WRONG = "%(wrong)s of %(asked)s files that were asked for over the web are not the origin's"
CONTRADICTED = "its web server does not give what its rsync server lists: let both serve the same tree"
SHIFTED = "its files' times are %(shift)s than the origin's: sync with times (rsync -t), and keep its clock in UTC"
NOT_RENEWED = "its list was not renewed: %(why)s"
NOT_LISTED = "not listed: %(why)s"
SENTENCES = (OUTDATED, HAS, WRONG, CONTRADICTED, SHIFTED, NOT_RENEWED, NOT_LISTED)
"""What people read of the files that were found."""


def sentences(found: FoundFiles) -> Iterator[tuple[str, dict[str, object]]]:
    """What people read of it: texts that pages translate, each with the values of its ``%(name)s``."""
    if found.outdated_since is not None:
        since = datetime.fromtimestamp(found.outdated_since, UTC).strftime("%Y-%m-%d %H:%M")
        yield OUTDATED, {"since": since}
    elif found.compared:
        yield HAS, {"has": found.has, "compared": found.compared}
    if found.wrong:
        yield WRONG, {"wrong": found.wrong, "asked": found.asked}
    if found.contradicted:
        yield CONTRADICTED, {}
    if found.offset_seconds:
        yield SHIFTED, {"shift": shift_words(found.offset_seconds)}
    if found.failed:
        yield NOT_RENEWED if found.compared else NOT_LISTED, {"why": found.failed}


def shift_words(seconds: int) -> str:
    """``1 hour earlier``, ``90 seconds later``."""
    size, unit = (abs(seconds) // _HOUR, "hour") if seconds % _HOUR == 0 else (abs(seconds), "second")
    return f"{size} {unit}{'' if size == 1 else 's'} {'earlier' if seconds < 0 else 'later'}"
