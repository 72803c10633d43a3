"""What is promised in words is tested; this names what is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mirrorlist.app import plain_app
from mirrorlist.core.catalogue.trees import RESERVED
from mirrorlist.core.reasons import Reason
from mirrorlist.settings import SETTINGS
from mirrorlist.web.counts import Counts
from mirrorlist.web.questions import ListKind
from tests.building import nobody
from tests.core.selection.test_reasons import REASONS_TESTED
from tests.formats.test_golden import GOLDEN, WRITERS
from tests.web.asking import Held

ROOT = Path(__file__).parents[1]


def test_every_reason_is_produced_by_a_test() -> None:
    assert set(Reason) - REASONS_TESTED == set()


def test_every_reason_is_a_sentence_of_its_own() -> None:
    assert len({reason.value for reason in Reason}) == len(Reason)
    assert [reason for reason in Reason if not re.fullmatch(r"[A-Z].*\.", reason.value)] == []


def settings_in_docs() -> dict[str, tuple[str, str]]:
    """Default and help of every row ``| `NAME` | default | help |``."""
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| *`((?:MIRRORLIST_[A-Z_]+|NO_COLOR))` *\|([^|]*)\|([^|]*)\|", text, re.MULTILINE)
    return {name: (default.strip().strip("`"), told.strip()) for name, default, told in rows}


def test_docs_name_every_setting_with_its_default_and_nothing_else() -> None:
    assert settings_in_docs() == {setting.name: (setting.default, setting.help) for setting in SETTINGS}


def test_defaults_are_what_their_own_readers_accept() -> None:
    for setting in SETTINGS:
        setting.parse(setting.default)


def test_no_other_variable_is_named_in_the_package() -> None:
    known = {setting.name for setting in SETTINGS}
    named = {
        name
        for path in (ROOT / "mirrorlist").rglob("*.py")
        for name in re.findall(r"\bMIRRORLIST_[A-Z_]+\b", path.read_text(encoding="utf-8"))
    }
    assert named == known - {"NO_COLOR"}  # the name that all programs share


@pytest.mark.parametrize("kind", list(ListKind))
def test_every_kind_of_answer_has_a_golden_file(kind: ListKind) -> None:
    assert [name for name in WRITERS if name.partition(".")[0].startswith(kind.value)] != []


def test_every_page_and_answer_is_in_the_documentation() -> None:
    told = (ROOT / "docs" / "pages-and-api.md").read_text(encoding="utf-8")
    rules = [rule.rule for rule in plain_app(Held(), nobody, Counts()).url_map.iter_rules()]
    ours = {re.sub(r"<(?:any.*?:|path:)?(\w+)>", r"<\1>", rule) for rule in rules if not _is_a_list(rule)}
    assert {rule for rule in ours if f"`{rule}`" not in told} == UNTOLD


UNTOLD = {
    "/mirrors", "/mirrors/map-<scheme>.svg", "/mirrors/<name>/logo", "/static/<name>", "/isos.html", "/kitten/isos.html",
    "/kitten/isos", "/kitten/isos/<arch>/<version>",
}  # fmt: skip
"""Other spellings, and what pages are made of."""


def test_no_tree_may_take_an_address_of_the_service() -> None:
    rules = plain_app(Held(), nobody, Counts()).url_map.iter_rules()
    first = {segment for rule in rules if (segment := rule.rule.split("/")[1]) and "<" not in segment}
    assert (first | {"hooks", "healthz", "readyz", "metrics"}) - RESERVED == set()


def _is_a_list(rule: str) -> bool:
    return rule.startswith(tuple(f"/{kind.value}" for kind in ListKind))


def test_every_format_has_a_golden_file() -> None:
    formats = {path.stem for path in (ROOT / "mirrorlist" / "formats").glob("*.py")} - {
        "__init__",
        "registry",
        "xml_documents",
    }
    golden = {path.name.partition(".")[0] for path in GOLDEN.glob("*.golden.*")}
    assert formats - golden == set()
