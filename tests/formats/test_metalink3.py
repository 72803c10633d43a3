"""The metalink as a parser sees it, and the joined fragments against the tree that lxml writes."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from mirrorlist.core.model import MAIN, Checksummed, Location, Mirror, Protocol, Proximity, RepoMetadata
from mirrorlist.core.selection.answer import Choice, Selection
from mirrorlist.formats.metalink3 import TAIL, head, metalink, path_part, url_start
from mirrorlist.formats.xml_documents import xml_text
from tests.building import client, metadata, mirror, query

NS = "{http://www.metalinker.org/}"
MM0 = "{http://fedorahosted.org/mirrormanager}"
SPECIAL = st.sampled_from(
    [
        "<",
        ">",
        "&",
        "'",
        '"',
        "]]>",
        "<!--",
        "-->",
        "<?x?>",
        "&amp;",
        "&#0;",
        "&#x1F;",
        "\x00",
        "\x08",
        "\x0b",
        "\x1f",
        "\x7f",
        "\x85",
        "\ud800",
        "\udfff",
        "\ufffe",
        "\uffff",
        "\u2028",
        "\ufeff",
        "\U0001f40e",
        "\u00fc",
        "\u202e",
        "\u05d0",
        "a" * 300,
        " ",
        "%00",
    ]
)
TEXTS = st.lists(SPECIAL | st.text(st.characters(), max_size=8), max_size=6).map("".join)
NO_BREAKS = TEXTS.map(lambda text: re.sub("[\t\n\r]", "", text))
SCHEMES = st.sampled_from(["https", "http"])


def choice(tree: str, path: str, preference: int, country: str | None = None, private: bool = False) -> Choice:
    of = Mirror(
        name="m",
        urls={MAIN: {Protocol.HTTPS: tree}},
        location=Location(country=country) if country else None,
        private=private,
    )
    return Choice(of, tree + path, Proximity.WORLD, None, 0, 1, preference)


def document(choices: list[Choice], fallbacks: tuple[str, ...] = (), of: RepoMetadata | None = None) -> bytes:
    selection = Selection(query("arch=x86_64"), client(), tuple(choices), (), fallbacks)
    return metalink(selection, of or metadata())


VERSIONS = st.builds(
    Checksummed,
    st.integers(0, 2**40),
    st.integers(0, 4_000_000_000),
    st.text("0123456789abcdef", min_size=64, max_size=64),
    st.text("0123456789abcdef", min_size=128, max_size=128),
)
METADATA = st.builds(RepoMetadata, st.just("p/"), VERSIONS, st.just(0.0), st.lists(VERSIONS, max_size=3).map(tuple))
ROWS = st.lists(
    st.tuples(SCHEMES, NO_BREAKS, st.none() | st.sampled_from(["DE", "US"]) | NO_BREAKS, st.booleans()), max_size=6
)


@settings(max_examples=350, deadline=None)
@given(ROWS, NO_BREAKS, st.lists(NO_BREAKS, max_size=2), METADATA)
def test_joined_fragments_equal_the_tree(
    rows: list[tuple[str, str, str | None, bool]], path: str, trees: list[str], of: RepoMetadata
) -> None:
    choices = [
        choice(f"{scheme}://{tree}/", path, 100 - rank, country, private)
        for rank, (scheme, tree, country, private) in enumerate(rows)
    ]
    own = [f"https://{tree}/" for tree in trees]
    starts = [url_start(each.mirror.urls[MAIN][Protocol.HTTPS], each.mirror, each.preference) for each in choices]
    starts += [url_start(tree, None, 100 - len(choices) - rank) for rank, tree in enumerate(own)]
    expected = document(choices, tuple(tree + path for tree in own), of)
    if starts:
        assert head(of) + path_part(path).join(starts) + path_part(path) + TAIL == expected
    urls = list(etree.fromstring(expected).iter(f"{NS}url"))
    assert [url.text for url in urls] == [
        xml_text(start) + "repodata/repomd.xml"
        for start in [each.url for each in choices] + [tree + path for tree in own]
    ]


@settings(max_examples=250, deadline=None)
@given(TEXTS, TEXTS, TEXTS)
def test_document_is_well_formed_whatever_the_values_hold(tree: str, path: str, country: str) -> None:
    written = document([choice(tree, path, 100, country, True)], (tree + path,))
    root = etree.fromstring(written)
    assert [element.tag for element in root.iter(f"{NS}url")] == [f"{NS}url"] * 2
    assert len(root.findall(f"{NS}files/{NS}file/{NS}resources/{NS}url")) == 2
    joined = head(metadata()) + url_start(tree, None, 1) + path_part(path) + TAIL
    assert len(list(etree.fromstring(joined).iter(f"{NS}url"))) == 1


def test_all_characters_of_the_basic_plane_pass_through_or_vanish() -> None:
    every = "".join(map(chr, range(0x10000)))
    kept = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd]", "", every)
    [url] = etree.fromstring(document([choice(every, "", 100)])).iter(f"{NS}url")
    # a parser turns CR LF into LF only where CR stands as it is; lxml writes it as a reference
    assert url.text == kept + "repodata/repomd.xml"


def test_preference_falls_strictly_from_100() -> None:
    choices = [choice(f"https://m{number}/", "p/", 100 - number) for number in range(20)]
    urls = etree.fromstring(document(choices, ("https://a/", "https://b/"))).iter(f"{NS}url")
    assert [url.get("preference") for url in urls] == [str(100 - number) for number in range(22)]


def test_every_url_has_its_scheme_as_type_and_protocol() -> None:
    of = [choice("https://a/", "p/", 100, "DE"), choice("http://b/", "p/", 99, None, True)]
    found = [dict(url.attrib) for url in etree.fromstring(document(of, ("https://c/p/",))).iter(f"{NS}url")]
    assert found == [
        {"protocol": "https", "type": "https", "location": "DE", "preference": "100"},
        {"protocol": "http", "type": "http", "preference": "99", f"{MM0}private": "True"},
        {"protocol": "https", "type": "https", "preference": "98"},
    ]


def tags(element: etree._Element) -> list[str]:
    return [str(child.tag).replace(NS, "").replace(MM0, "mm0:") for child in element]


def test_elements_stand_in_the_order_that_clients_know() -> None:
    root = etree.fromstring(document([choice("https://a/", "p/", 100)], of=metadata(alternates="bc")))
    [file] = root.findall(f"{NS}files/{NS}file")
    [alternates] = file.findall(f"{MM0}alternates")
    assert file.attrib == {"name": "repomd.xml"}
    assert tags(file) == ["mm0:timestamp", "size", "verification", "mm0:alternates", "resources"]
    assert [tags(each) for each in alternates] == [["mm0:timestamp", "size", "verification"]] * 2
    assert tags(alternates) == ["mm0:alternate"] * 2
    hashes = [(each.get("type"), each.text) for each in root.iter(f"{NS}hash")]
    assert hashes == [(kind, digit * length) for digit in "abc" for kind, length in (("sha256", 64), ("sha512", 128))]
    assert [each.text for each in root.iter(f"{NS}size")] == ["1000", "1001", "1002"]
    assert [each.text for each in root.iter(f"{MM0}timestamp")] == ["1790000000", "1789999999", "1789999998"]


def test_without_older_versions_there_is_no_empty_element() -> None:
    root = etree.fromstring(document([choice("https://a/", "p/", 100)]))
    assert tags(root.findall(f"{NS}files/{NS}file")[0]) == ["mm0:timestamp", "size", "verification", "resources"]


def test_namespaces_are_declared_once_with_the_prefix_that_clients_look_for() -> None:
    written = document([choice("https://a/", "p/", 100)], of=metadata(alternates="b")).decode()
    assert written.startswith('<?xml version="1.0" encoding="utf-8"?>\n<metalink ')
    assert written.count("xmlns") == 2
    assert 'xmlns="http://www.metalinker.org/"' in written
    assert 'xmlns:mm0="http://fedorahosted.org/mirrormanager"' in written
    assert set(re.findall(r"</?([a-z0-9]+):", written)) == {"mm0"}
    assert "maxconnections" not in written
    assert "md5" not in written


def test_texts_have_no_blanks_around_them() -> None:
    root = etree.fromstring(document([choice("https://a/", "p/", 100)], of=metadata(alternates="b")))
    leaves = [element for element in root.iter() if len(element) == 0 and element.text]
    assert [element.tag for element in leaves if element.text != (element.text or "").strip()] == []
    assert len(leaves) == 9


def test_pubdate_is_the_time_of_the_metadata() -> None:
    of = replace(metadata(), current=replace(metadata().current, timestamp=1_700_000_000))
    root = etree.fromstring(document([choice("https://a/", "p/", 100)], of=of))
    assert dict(root.attrib) == {
        "version": "3.0",
        "type": "dynamic",
        "pubdate": "Tue, 14 Nov 2023 22:13:20 GMT",
        "generator": "mirrorlist",
    }


def test_digests_are_written_as_they_were_summed_up_in_lower_case() -> None:
    root = etree.fromstring(document([], of=metadata(digit="f")))
    assert all((each.text or "").islower() for each in root.iter(f"{NS}hash"))


def test_mirror_of_a_snapshot_keeps_its_country() -> None:
    assert b'location="DE"' in url_start("https://a/", mirror("a", "berlin"), 100)
