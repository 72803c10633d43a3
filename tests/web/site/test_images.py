"""The pages of images: what they link is there, and is what it is called."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from urllib.parse import urlsplit

import pytest
from lxml import etree, html

from mirrorlist.core.catalogue.catalogue import Image
from mirrorlist.core.catalogue.service import Site
from mirrorlist.core.catalogue.trees import RedirectTree
from mirrorlist.core.model import MAIN
from mirrorlist.core.snapshot import Snapshot
from tests.file_indexes import Has, indexed
from tests.web.asking import Answer, Both, both
from tests.web.networks import SITE, record_of

DIRECTORY = "9.8/isos/x86_64/"
DVD, BOOT = (f"Example-9.8-x86_64-{kind}.iso" for kind in ("dvd", "boot"))
DIGEST = sha256(b"dvd").digest()
FILES = {f"{DIRECTORY}{DVD}": Has(4_700_000_000, DIGEST), f"{DIRECTORY}{DVD}.torrent": Has(9)}
TREES = (
    RedirectTree(prefix="/elsewhere/", host="dl.example.org", module=MAIN),
    RedirectTree(prefix="/dl/", module=MAIN),
    RedirectTree(prefix="/", host="kitten.example.org", module="kitten"),
)


def page(service: Both, path: str = "/isos/x86_64/9.8", **headers: str) -> html.HtmlElement:
    answer = service.get(path, **headers)
    assert answer.status == 200
    return html.document_fromstring(answer.body.decode())


def links(found: html.HtmlElement) -> dict[str, str]:
    """What the card of downloads links, by its words; of two images the last."""
    return {link.text_content(): link.get("href") for link in found.findall(".//section[@class='card']//a")}


def follow(service: Both, url: str) -> Answer:
    parts = urlsplit(url)
    return service.get(parts.path, **({"HOST": parts.netloc} if parts.netloc else {}))


def metalink(answer: Answer) -> tuple[str, str | None, list[str]]:
    """Name, checksum and URLs of a metalink of one file."""
    assert (answer.status, answer.headers["content-type"]) == (200, "application/metalink4+xml")
    [file] = etree.fromstring(answer.body).findall("{*}file")
    return file.get("name"), file.findtext("{*}hash"), [str(url.text) for url in file.findall("{*}url")]


def of(*trees: RedirectTree, files: dict[str, Has] | None = None, site: Site = SITE) -> Both:
    made = record_of(30, trees=trees, site=site)
    return both(indexed(made, files) if files else made)


def test_what_the_index_knows_is_told_and_linked() -> None:
    service = of(*TREES, files=FILES)
    found = page(service)
    told = links(found)
    assert told == {
        "DVD": f"/dl/{DIRECTORY}{DVD}",
        "metalink": f"/dl/{DIRECTORY}{DVD}.meta4",
        "torrent": f"/dl/{DIRECTORY}{DVD}.torrent",
        "SHA-256": f"/dl/{DIRECTORY}{DVD}.sha256",
    }
    text = " ".join(found.text_content().split())
    assert f"{DVD} 4.7 GB" in text
    assert DIGEST.hex() in text
    assert BOOT not in text, "the origin has no such file"
    name, checksum, urls = metalink(follow(service, told["metalink"]))
    assert (name, checksum) == (DVD, DIGEST.hex())
    assert all(url.endswith(f"/{DIRECTORY}{DVD}") for url in urls)
    assert follow(service, told["SHA-256"]).body == f"{DIGEST.hex()}  {DVD}\n".encode()
    for words in ("DVD", "torrent"):
        answer = follow(service, told[words])
        assert answer.status == 302
        assert answer.headers["location"].endswith(told[words].removeprefix("/dl/"))


def test_without_an_index_there_are_metalinks_and_what_service_yml_names() -> None:
    service = of(*TREES)
    told = links(page(service))
    assert told.keys() == {"DVD", "Boot", "metalink", "torrent", "CHECKSUM"}
    name, checksum, urls = metalink(follow(service, told["metalink"]))
    assert (name, checksum) == (BOOT, None)
    assert urls


def test_the_checksum_of_the_index_needs_no_tree() -> None:
    found = page(of(files=FILES))
    assert DIGEST.hex() in found.text_content()
    told = links(found)
    assert told.keys() == {"DVD", "torrent"}
    nearest = found.find(".//tbody//th/a").get("href")
    assert told["DVD"] == f"{nearest}{DVD}"


def test_a_module_has_metalinks_at_the_host_of_its_tree() -> None:
    service = of(*TREES)
    told = links(page(service, "/kitten/isos/x86_64/10"))
    assert told["metalink"].startswith("https://kitten.example.org/10-kitten/isos/x86_64/")
    name, _, urls = metalink(follow(service, told["metalink"]))
    assert name == "Example-10-kitten-x86_64-boot.iso"
    assert all("/kitten/10-kitten/isos/" in url for url in urls)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trees", "host", "start"),
    [
        (TREES, "dl.example.org:8080", "/elsewhere/"),
        (TREES[:1], "localhost", "https://dl.example.org/elsewhere/"),
        ((RedirectTree(prefix="/dl/", module="kitten", host="localhost"), TREES[1]), "localhost", None),
        (
            (RedirectTree(prefix="/dl/", module="kitten", host="localhost"), *TREES),
            "localhost",
            "https://dl.example.org/else",
        ),
        ((), "localhost", None),
    ],
)
def test_a_tree_is_linked_where_it_can_be_reached(
    trees: tuple[RedirectTree, ...], host: str, start: str | None
) -> None:
    service = of(*trees)
    told = links(page(service, HOST=host))
    assert told.get("metalink", "").startswith(start or "")
    assert ("metalink" in told) == (start is not None)
    if start is not None:
        metalink(service.get(urlsplit(told["metalink"]).path, HOST=urlsplit(told["metalink"]).netloc or host))


def test_images_that_only_the_prober_knows_of_have_their_file_names() -> None:
    made = record_of(30, trees=TREES, site=replace(SITE, images=()))
    service = made.facts.service
    catalogue = replace(service.catalogue, images=(Image("isos/$basearch/Linux-{version}-$basearch.iso"),
                                                   Image("isos/$basearch/deeper/other.iso")))  # fmt: skip
    told = links(page(both(_with(made, replace(service, catalogue=catalogue)))))
    assert told["Linux-9.8-x86_64.iso"] == f"/dl/{DIRECTORY}Linux-9.8-x86_64.iso"
    assert "other.iso" not in told


def _with(snapshot: Snapshot, service: object) -> Snapshot:
    return replace(snapshot, facts=replace(snapshot.facts, service=service))


@pytest.mark.slow
def test_every_module_has_its_releases_on_the_page_of_all() -> None:
    found = page(of(), "/isos")
    assert [heading.text for heading in found.findall(".//h2")] == ["Example Linux Kitten"]
    assert "/kitten/isos/x86_64/10-kitten" in [link.get("href") for link in found.findall(".//a")]
    assert page(of(), "/kitten/isos").findall(".//h2") == []


def test_the_status_tells_the_age_of_the_index() -> None:
    found = page(of(files=FILES), "/status")
    assert "2 of main, listed 2026-11-18 10:56 UTC" in [each.text for each in found.findall(".//dd")]
