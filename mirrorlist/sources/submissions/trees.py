"""Check that a submitted URL is the top of a tree, not a version's directory or a page inside one."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from mirrorlist.core.catalogue.catalogue import Catalogue, spelled_versions
from mirrorlist.core.errors import Finding
from mirrorlist.sources.submissions.submission import Check, Submission, SubmissionTerms
from mirrorlist.sources.submissions.submission import SubmissionCode as Code
from mirrorlist.sources.yaml.documents import shown, spelled

FILE_ENDINGS = (".html", ".htm", ".php", ".iso", ".xml", ".xz", ".gz", ".zst", ".bz2", ".zip", ".img", ".rpm", ".deb")
INSIDE_REPOSITORIES = ("repodata", "dists", "pool", "packages")


def urls_are_tops_of_trees(submission: Submission, terms: SubmissionTerms) -> Iterator[Finding]:
    """The URL ends where the versions begin. What looks otherwise may be right, so that is a question."""
    for pointer, url in submission.urls():
        steps = [step for step in unquote(urlsplit(url).path).split("/") if step]
        if steps and (what := _inside(steps[-1], terms.service.catalogue)):
            message = f"{spelled(pointer)} {shown(url)} looks like {what}; write the address of the directory above all"
            yield submission.warning(pointer, Code.NOT_A_TREE, f"{message} versions")


def _inside(step: str, catalogue: Catalogue) -> str | None:
    """What in a tree a path ends at, by its last step."""
    if step.lower().endswith(FILE_ENDINGS):
        return "a file"
    if step in spelled_versions(catalogue):
        return f"the directory of version {step}"
    below = [each.path for each in catalogue.repositories.values() if not each.path.startswith("/")]
    parts = {part for path in below for part in path.split("/") if part and "$" not in part}
    if step.lower() in INSIDE_REPOSITORIES or step in parts:
        return "a part of a repository"
    return None


TREE_CHECKS: tuple[Check, ...] = (urls_are_tops_of_trees,)
