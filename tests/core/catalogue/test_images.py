"""The images of a catalogue: which files the patterns stand for."""

from __future__ import annotations

from dataclasses import replace

from mirrorlist.core.catalogue.catalogue import Image, directories, published_images, wanted_images
from mirrorlist.core.model import MAIN
from tests.building import CATALOGUE


def paths(*images: Image) -> list[tuple[str, str]]:
    return list(published_images(replace(CATALOGUE, images=images)))


def test_a_pattern_stands_for_a_file_of_each_version_and_arch_that_mirrors_carry() -> None:
    assert paths(Image("isos/$basearch/Linux-{version}-$basearch.iso")) == [
        (MAIN, "9.8/isos/x86_64/Linux-9.8-x86_64.iso"),
        (MAIN, "9.8/isos/aarch64/Linux-9.8-aarch64.iso"),
        (MAIN, "10.2/isos/x86_64/Linux-10.2-x86_64.iso"),
        (MAIN, "10.2/isos/aarch64/Linux-10.2-aarch64.iso"),
        ("kitten", "10-kitten/isos/x86_64/Linux-10-kitten-x86_64.iso"),
    ]


def test_versions_and_arches_narrow_a_pattern() -> None:
    assert paths(Image("a/$basearch.iso", versions=("9",), arches=("aarch64",))) == [(MAIN, "9.8/a/aarch64.iso")]
    assert paths(Image("a.iso", versions=("10-kitten",))) == [("kitten", "10-kitten/a.iso")]
    assert paths(Image("a.iso", arches=("s390x",))) == []


def test_a_path_may_stand_below_the_tree_itself() -> None:
    assert paths(Image("/live/{version}.iso", versions=("9.8", "10"))) == [
        (MAIN, "live/9.8.iso"),
        (MAIN, "live/10.2.iso"),
    ]


def test_what_the_origin_lacks_nobody_needs_to_have() -> None:
    catalogue = replace(CATALOGUE, images=(Image("$basearch.iso", versions=("9.8", "10-kitten")),))
    sizes = {"9.8/x86_64.iso": 7, "9.8/aarch64.iso": None}
    assert wanted_images(catalogue, sizes) == {
        MAIN: {"9.8/x86_64.iso": 7},
        "kitten": {"10-kitten/x86_64.iso": None},
    }


def test_a_directory_is_known_in_both_spellings() -> None:
    assert directories(["9/isos/a.iso", "9/isos/b.iso", "c.iso"]) == {
        "9/isos": ["9/isos/a.iso", "9/isos/b.iso"],
        "9/isos/": ["9/isos/a.iso", "9/isos/b.iso"],
    }
