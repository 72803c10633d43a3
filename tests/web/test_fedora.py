"""Fedora's and CentOS's interface: every parameter with its rule, over a tree that is laid out as Fedora's."""

from __future__ import annotations

import gzip

import pytest
from lxml import etree

from tests.building import NOW
from tests.web.asking import Answer, Both, ask, environ
from tests.web.distributions import CITIES, HIDDEN, almalinux, comments, fedora, lines, names

V3 = "{http://www.metalinker.org/}"
OS = "releases/43/Everything/x86_64/os/"
TREE = "example.org/pub/fedora/linux/"


@pytest.fixture(scope="module")
def service() -> Both:
    return fedora()


@pytest.fixture(scope="module")
def versioned() -> Both:
    """A service whose tree begins with versions, so that a major leads to a minor."""
    return almalinux()


def first(answer: Answer) -> str:
    """The first URL without the mirror's tree."""
    return lines(answer)[0].partition(TREE)[2]


def of_metalink(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [str(url.text) for url in etree.fromstring(answer.body).iter(f"{V3}url")]


# --- repo= and arch=, release= and version= -----------------------------------------------------------------

REPOS = [
    ("repo=fedora-43&arch=x86_64", OS),
    ("arch=aarch64&repo=fedora-43", "releases/43/Everything/aarch64/os/"),
    ("repo=fedora-42&arch=x86_64", "releases/42/Everything/x86_64/os/"),
    ("repo=updates-43&arch=x86_64", "updates/43/Everything/x86_64/"),
    ("repo=updates-released-f43&arch=x86_64", "updates/43/Everything/x86_64/"),
    ("repo=updates-released-f44&arch=aarch64", "updates/44/Everything/aarch64/"),
    ("repo=rawhide&arch=x86_64", "releases/44/Everything/x86_64/os/"),
    ("repo=fedora-source-43&arch=x86_64", "releases/43/Everything/source/tree/"),
    ("repo=fedora-source-43&arch=source", "releases/43/Everything/source/tree/"),
    ("repo=fedora-source-43&arch=i386", "releases/43/Everything/source/tree/"),
    ("repo=fedora-source-43", "releases/43/Everything/source/tree/"),
    ("repo=updates-released-source-f43&arch=x86_64", "releases/43/Everything/source/tree/"),
    ("release=43&repo=fedora&arch=x86_64", OS),
    ("version=43&repo=fedora&arch=x86_64", OS),
    ("release=43&repo=everything&arch=x86_64", OS),
    ("release=43&repo=rawhide&arch=x86_64", OS),
    ("release=43&repo=fedora-43&arch=x86_64", OS),
    ("release=42&version=43&repo=fedora&arch=x86_64", "releases/42/Everything/x86_64/os/"),
    ("repo=fedora-43&arch=x86_64&countme=1", OS),
    ("countme=4&repo=fedora-43&arch=x86_64", OS),
    ("repo=fedora-43&arch=x86_64&countme", OS),
    ("repo=fedora%2D43&arch=x86%5F64", OS),
    ("%72epo=fedora-43&arch=x86_64", OS),
    ("repo=updates-43&repo=fedora-43&arch=x86_64", OS),
    ("repo=fedora-43&arch=x86_64&content=centos&location=here&mirrorlist_client=x", OS),
    ("repo=fedora-43", "releases/43/Everything/$basearch/os/"),
    ("repo=keys-43", "keys/"),
]


@pytest.mark.parametrize(("asked", "path"), REPOS)
def test_a_repository_is_found_by_each_of_its_spellings(service: Both, asked: str, path: str) -> None:
    assert first(service.get("/mirrorlist", asked)) == path


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        (400, ""),
        (400, "arch=x86_64"),
        (400, "release=43&arch=x86_64"),
        (404, "repo=fedora&arch=x86_64"),
        (404, "repo=fedora-99&arch=x86_64"),
        (404, "repo=nope-43&arch=x86_64"),
        (404, "repo=fedora-43&arch=i386"),
        (404, "repo=fedora-43&arch=source"),
        (404, "release=99&repo=fedora"),
        (404, "release=43&repo=nope"),
        (404, "repo=updates-released-f99&arch=x86_64"),
        (404, "repo=fedora+43&arch=x86_64"),
        (400, "repo=fedora-43&arch=x86-64"),
    ],
)
def test_what_names_no_repository_is_told_with_its_status(service: Both, status: int, asked: str) -> None:
    answer = service.get("/mirrorlist", asked)
    assert (answer.status, len(comments(answer)), answer.body.count(b"\n")) == (status, 1, 1)


@pytest.mark.parametrize(
    ("asked", "heading"),
    [
        ("repo=fedora-43&arch=x86_64", "# repo = fedora-43 arch = x86_64 "),
        ("repo=updates-released-f43&arch=aarch64", "# repo = updates-released-f43 arch = aarch64 "),
        ("repo=fedora-source-43&arch=x86_64", "# repo = fedora-source-43 arch = source "),
        ("repo=fedora-43", "# repo = fedora-43 "),
        ("release=43&repo=fedora&arch=x86_64", "# repo = fedora arch = x86_64 "),
    ],
)
def test_a_list_begins_with_fedoras_line(service: Both, asked: str, heading: str) -> None:
    answer = service.get("/mirrorlist", asked)
    assert answer.body.decode().splitlines()[0] == heading
    assert len(comments(answer)) == 1


def test_names_beside_a_path_mean_nothing_and_come_back_nowhere(service: Both) -> None:
    answer = service.get("/mirrorlist", f"path={OS}&repo=%0Ahttp://evil.example.com/&arch=<script>")
    assert answer.body == service.get("/mirrorlist", f"path={OS}").body
    assert comments(answer) == []


@pytest.mark.parametrize("countme", ["1", "2", "3", "4", "", "x"])
def test_countme_changes_nothing(service: Both, countme: str) -> None:
    asked = "repo=fedora-43&arch=x86_64"
    for kind in ("/mirrorlist", "/metalink"):
        assert service.get(kind, f"{asked}&countme={countme}") == service.get(kind, asked)


# --- path= --------------------------------------------------------------------------------------------------

PATHS = [
    (OS, OS),
    (OS.rstrip("/"), OS),
    (f"/{OS}", OS),
    (OS.replace("/", "//"), OS),
    (OS.replace("/", "%2F"), OS),
    (f"{OS}Packages/a/", f"{OS}Packages/a/"),
    (f"{OS}Packages/a", f"{OS}Packages/a"),
    (f"{OS}images/boot.iso", f"{OS}images/boot.iso"),
    (f"{OS}.treeinfo", f"{OS}.treeinfo"),
    (f"{OS}repodata/repomd.xml", f"{OS}repodata/repomd.xml"),
    (f"{OS}repodata/", f"{OS}repodata/"),
    ("releases/43/Everything/source/tree/", "releases/43/Everything/source/tree/"),
    ("releases/43/Server/x86_64/iso/Server-43.iso", "releases/43/Server/x86_64/iso/Server-43.iso"),
    ("releases/43/", "releases/43/"),
    ("releases/43", "releases/43"),
    ("updates/42/", "updates/42/"),
    ("alt/f43/x86_64/live.iso", "alt/f43/x86_64/live.iso"),
    ("keys/fedora.asc", "keys/fedora.asc"),
]


@pytest.mark.parametrize(("path", "expected"), PATHS)
def test_a_path_is_a_directory_or_a_file_below_the_tree(service: Both, path: str, expected: str) -> None:
    answer = service.get("/mirrorlist", f"path={path}")
    assert first(answer) == expected
    assert comments(answer) == []
    assert names(lines(answer))[0] == "berlin"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("9/", "9.8/"),
        ("9", "9.8"),
        ("9.99/", "9.8/"),
        ("9/BaseOS/x86_64/os", "9.8/BaseOS/x86_64/os/"),
        ("9/isos/x86_64/CHECKSUM", "9.8/isos/x86_64/CHECKSUM"),
        ("10-kitten/BaseOS/x86_64/os/", "10-kitten/BaseOS/x86_64/os/"),
        ("10-kitten/isos/", "10-kitten/isos/"),
    ],
)
def test_a_major_version_in_a_path_is_its_minor(versioned: Both, path: str, expected: str) -> None:
    tree = "almalinux-kitten/" if "kitten" in path else "almalinux/"
    found = lines(versioned.get("/mirrorlist", f"path={path}"))
    assert found[0] == f"https://berlin.example.org/{tree}{expected}"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("9.2/BaseOS/x86_64/os/", "9.2/BaseOS/x86_64/os/"),
        ("9.2/isos/x86_64/a.iso", "9.2/isos/x86_64/a.iso"),
        ("9/BaseOS/Source/", "9.8/BaseOS/Source/"),
        ("9.8/BaseOS/Source/Packages/a.src.rpm", "9.8/BaseOS/Source/Packages/a.src.rpm"),
        ("9/BaseOS/debug/x86_64", "9.8/BaseOS/debug/x86_64/"),
    ],
)
def test_a_path_that_only_the_vault_has_leads_there(versioned: Both, path: str, expected: str) -> None:
    answer = versioned.get("/mirrorlist", f"path={path}")
    assert answer.body.decode() == f"http://vault.example.org/{expected}\n"


@pytest.mark.parametrize(
    ("status", "path"),
    [
        (400, "/"),
        (400, "//"),
        (400, "."),
        (400, ".."),
        (400, "../etc/passwd"),
        (400, "releases/43/../../etc"),
        (400, "releases/43/./a"),
        (400, "releases/43/%2E%2E/a"),
        (400, "releases/43/..%2Fa"),
        (400, "releases/43/.../a"),
        (400, "releases/43/a%0Ahttp://evil.example.com/"),
        (400, "releases/43/a%0D"),
        (400, "releases/43/a%00"),
        (400, "releases/43/<script>"),
        (400, "releases/43/a%20b"),
        (400, "releases/43/a%3Fb"),
        (400, "releases/43/a%23b"),
        (400, "releases/43/%C3%A9"),
        (400, "releases/43/%FF"),
        (400, "releases/43/" + "a" * 600),
        (404, "etc/passwd"),
        (404, "releases"),
        (404, "releases/99/Everything"),
        (404, "alt/43/x86_64"),
        (404, "alt/f/x86_64"),
        (404, "http://evil.example.com/"),
        (404, "$releasever/Everything"),
    ],
)
def test_a_hostile_path_gets_one_comment_and_no_echo(service: Both, status: int, path: str) -> None:
    for kind in ("/mirrorlist", "/metalink"):
        answer = service.get(kind, f"path={path}")
        assert (answer.status, answer.body[:2], answer.body.count(b"\n")) == (status, b"# ", 1)
        assert b"evil" not in answer.body
        assert b"passwd" not in answer.body


@pytest.mark.parametrize("path", [OS, OS.rstrip("/"), f"{OS}repodata/repomd.xml", f"/{OS}", OS.replace("/", "//")])
def test_a_metalink_by_path_is_the_repositorys(service: Both, path: str) -> None:
    assert service.get("/metalink", f"path={path}") == service.get("/metalink", "repo=fedora-43&arch=x86_64")


@pytest.mark.parametrize("path", [f"{OS}images/boot.iso", "releases/43/", "releases/43/x/repodata/repomd.xml", "keys/"])
def test_other_files_have_no_metalink(service: Both, path: str) -> None:
    assert service.get("/metalink", f"path={path}").status in (404, 503)


# --- /metalink ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", ["repo=fedora-43", "release=43&repo=fedora", "repo=fedora-43&arch=$basearch"])
def test_a_metalink_without_an_arch_is_400_and_tells_the_arches(service: Both, asked: str) -> None:
    answer = service.get("/metalink", asked)
    assert (answer.status, answer.body) == (400, b"# the parameter arch is missing; known are x86_64, aarch64\n")


def test_a_metalink_lists_the_mirrors_of_the_text_list_in_its_order(service: Both) -> None:
    asked = "repo=fedora-43&arch=x86_64"
    urls = of_metalink(service.get("/metalink", asked))
    assert urls == [f"{url}repodata/repomd.xml" for url in lines(service.get("/mirrorlist", asked))]


@pytest.mark.parametrize("form", ["metalink3", "metalink4", ""])
def test_formats_of_a_metalink(service: Both, form: str) -> None:
    answer = service.get("/metalink", f"repo=fedora-43&arch=x86_64&format={form}")
    expected = "application/metalink4+xml" if form == "metalink4" else "application/metalink+xml"
    assert (answer.status, answer.headers["content-type"]) == (200, expected)


@pytest.mark.parametrize("kind", ["/mirrorlist", "/metalink"])
@pytest.mark.parametrize("form", ["nope", "Mirrorlist", "../json"])
def test_an_unknown_format_is_400_and_tells_the_known_ones(service: Both, kind: str, form: str) -> None:
    answer = service.get(kind, f"repo=fedora-43&arch=x86_64&format={form}")
    assert answer.status == 400
    assert answer.body.startswith(b"# the format is unknown; write one of m")


# --- country=, cc=, netblock=, ip= --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("country=JP", {"tokyo"}),
        ("country=jp", {"tokyo"}),
        ("country=DE", {"berlin", "munich"}),
        ("country=DE,AT", {"berlin", "munich", "vienna"}),
        ("country=at,de,AT", {"berlin", "munich", "vienna"}),
        ("country=+DE+,,AT,", {"berlin", "munich", "vienna"}),
        ("cc=JP", {"tokyo"}),
        ("cc=jp&country=at", {"tokyo", "vienna"}),
        ("country=global", set(CITIES)),
        ("country=DE,global", set(CITIES)),
        ("country=GLOBAL", set(CITIES)),
        ("country=", set(CITIES)),
        ("country", set(CITIES)),
        ("country=BR", set(CITIES)),  # none there: the usual list, with a comment
    ],
)
def test_country_keeps_the_mirrors_of_these_countries(service: Both, asked: str, expected: set[str]) -> None:
    answer = service.get("/mirrorlist", f"repo=fedora-43&arch=x86_64&{asked}")
    assert set(names(lines(answer))) == expected
    assert len(comments(answer)) == (2 if asked == "country=BR" else 1)
    linked = of_metalink(service.get("/metalink", f"repo=fedora-43&arch=x86_64&{asked}"))
    assert names(linked) == names(lines(answer))


@pytest.mark.parametrize("asked", ["country=DEU", "country=D", "cc=4", "country=DE,D%C3%89", "cc=DE%0A,x"])
def test_a_malformed_country_is_400(service: Both, asked: str) -> None:
    assert service.get("/mirrorlist", f"repo=fedora-43&{asked}").status == 400


@pytest.mark.parametrize(
    ("peer", "usual", "without"),
    [
        ("198.51.100.1", "lab", "berlin"),
        ("198.51.100.17", "monopoly", "berlin"),
        ("203.0.113.130", "carrier", "tokyo"),
        ("203.0.113.70", "cloud", "tokyo"),
        ("192.0.2.1", "berlin", "berlin"),
        ("2001:db8:1:1::1", "lab", "berlin"),
    ],
)
def test_netblock_0_gives_what_the_public_gets(service: Both, peer: str, usual: str, without: str) -> None:
    asked = "repo=fedora-43&arch=x86_64"
    assert names(lines(service.get("/mirrorlist", asked, peer)))[0] == usual
    assert names(lines(service.get("/mirrorlist", f"{asked}&netblock=1", peer)))[0] == usual
    found = names(lines(service.get("/mirrorlist", f"{asked}&netblock=0", peer)))
    assert found[0] in (without, "munich")
    assert set(found) == set(CITIES)


@pytest.mark.parametrize("ip", ["198.51.100.1", "198.51.100.17", "203.0.113.130", "203.0.113.70", "2001:db8:1:1::1"])
@pytest.mark.parametrize("peer", ["192.0.2.1", "198.51.100.17", "203.0.113.130", "nonsense", "10.0.0.1"])
def test_ip_shows_the_public_answer_and_never_a_hidden_mirror(service: Both, ip: str, peer: str) -> None:
    for kind in ("/mirrorlist", "/metalink"):
        answer = service.get(kind, f"repo=fedora-43&arch=x86_64&ip={ip}", peer)
        found = names(lines(answer) if kind == "/mirrorlist" else of_metalink(answer))
        assert set(found) == set(CITIES)
        assert not set(found) & set(HIDDEN)
        assert found[0] in (("tokyo",) if ip.startswith("203") else ("berlin", "munich"))


def test_ip_equals_netblock_0_at_that_address(service: Both) -> None:
    asked = "repo=fedora-43&arch=x86_64"
    for address in ("198.51.100.1", "203.0.113.130", "192.0.2.9", "2001:db8:2::1"):
        there = service.get("/mirrorlist", f"{asked}&netblock=0", address)
        assert service.get("/mirrorlist", f"{asked}&ip={address}", "192.0.2.77").body == there.body


@pytest.mark.parametrize(
    "ip", ["garbage", "1.2.3.4:4711", "1.2.3", "300.1.1.1", "1.2.3.4/24", "::g", "localhost", "%FF"]
)
def test_a_malformed_ip_is_400(service: Both, ip: str) -> None:
    answer = service.get("/mirrorlist", f"repo=fedora-43&ip={ip}")
    assert (answer.status, answer.body) == (400, b"# the parameter ip is malformed; write an IPv4 or IPv6 address\n")


# --- protocol=, time=, redirect= ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "schemes"),
    [
        ("", ["https"]),
        ("protocol=https", ["https"]),
        ("protocol=http", ["http"]),
        ("protocol=HTTP", ["http"]),
        ("protocol=https,http", ["https", "http"]),
        ("protocol=http,https", ["https", "http"]),
        ("protocol=http%2Chttps", ["https", "http"]),
        ("protocol=http,,http,", ["http"]),
        ("protocol=", ["https"]),
        ("protocol", ["https"]),
    ],
)
def test_protocol_gives_each_mirror_under_every_protocol_asked_for(
    service: Both, asked: str, schemes: list[str]
) -> None:
    asked = f"repo=fedora-43&arch=x86_64&{asked}"
    found = lines(service.get("/mirrorlist", asked))
    assert [url.partition(":")[0] for url in found] == schemes * len(CITIES)
    assert len(set(names(found[: len(schemes)]))) == 1
    linked = of_metalink(service.get("/metalink", asked))
    assert [url.partition(":")[0] for url in linked] == schemes[:1] * len(CITIES)


@pytest.mark.parametrize("asked", ["protocol=ftp", "protocol=rsync", "protocol=https,rsync", "protocol=*"])
def test_a_protocol_that_lists_cannot_serve_is_400(service: Both, asked: str) -> None:
    assert service.get("/mirrorlist", f"repo=fedora-43&{asked}").status == 400


def test_time_adds_when_the_data_was_made(service: Both) -> None:
    asked = "repo=fedora-43&arch=x86_64"
    plain = service.get("/mirrorlist", asked)
    timed = service.get("/mirrorlist", f"{asked}&time=1")
    assert timed.body == plain.body + b"# database creation time: %d\n" % int(NOW)
    assert service.get("/metalink", f"{asked}&time=1") == service.get("/metalink", asked)


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ("repo=fedora-43&arch=x86_64", f"https://berlin.{TREE}{OS}"),
        ("repo=fedora-43&arch=x86_64&protocol=http", f"http://berlin.{TREE}{OS}"),
        ("repo=fedora-43&arch=x86_64&country=JP", f"https://tokyo.{TREE}{OS}"),
        ("repo=fedora-43&arch=x86_64&ip=203.0.113.1", f"https://tokyo.{TREE}{OS}"),
        (f"path={OS}images/boot.iso", f"https://berlin.{TREE}{OS}images/boot.iso"),
        (f"path={OS}repodata/repomd.xml", f"https://berlin.{TREE}{OS}repodata/repomd.xml"),
        (
            "path=releases/40/Everything/x86_64/os/",
            "https://archive.example.org/fedora/releases/40/Everything/x86_64/os/",
        ),
    ],
)
def test_redirect_leads_to_the_first_mirror(service: Both, asked: str, location: str) -> None:
    answer = service.get("/mirrorlist", f"{asked}&redirect=1")
    assert (answer.status, answer.body) == (302, b"")
    assert answer.headers == {
        "content-type": "text/plain; charset=utf-8",
        "cache-control": "private, no-store",
        "vary": "Accept-Encoding",
        "x-content-type-options": "nosniff",
        "content-length": "0",
        "location": location,
    }
    assert ask(service.fronted, environ("/mirrorlist", f"{asked}&redirect=1", method="HEAD")) == answer


@pytest.mark.parametrize(
    "flag", ["redirect", "redirect=", "redirect=true", "redirect=Yes", "redirect=on", "redirect=%201"]
)
def test_a_bare_redirect_is_one_as_well(service: Both, flag: str) -> None:
    asked = "repo=fedora-43&arch=x86_64"
    assert service.get("/mirrorlist", f"{asked}&{flag}") == service.get("/mirrorlist", f"{asked}&redirect=1")
    assert service.get("/mirrorlist", f"{flag}&{asked}").status == 302


@pytest.mark.parametrize("value", ["0", "no", "False", "off", "2", "maybe"])
def test_another_word_does_not_redirect(service: Both, value: str) -> None:
    asked = "repo=fedora-43&arch=x86_64"
    assert service.get("/mirrorlist", f"{asked}&redirect={value}") == service.get("/mirrorlist", asked)


@pytest.mark.parametrize("word", ["0", "no", "False", "OFF"])
def test_flags_are_turned_off_by_any_word_for_false(service: Both, word: str) -> None:
    asked = "repo=fedora-43&arch=x86_64"
    assert service.get("/mirrorlist", f"{asked}&time={word}") == service.get("/mirrorlist", asked)
    for peer in ("192.0.2.1", "203.0.113.1"):
        public = service.get("/mirrorlist", f"{asked}&netblock=0", peer)
        assert service.get("/mirrorlist", f"{asked}&netblock={word}", peer) == public


def test_a_metalink_is_not_redirected(service: Both) -> None:
    asked = "repo=fedora-43&arch=x86_64"
    assert service.get("/metalink", f"{asked}&redirect=1") == service.get("/metalink", asked)


@pytest.mark.parametrize("asked", ["repo=fedora-43", "release=43&repo=fedora&arch=$basearch"])
def test_a_redirect_leaves_no_arch_to_fill_in(service: Both, asked: str) -> None:
    answer = service.get("/mirrorlist", f"{asked}&redirect=1")
    assert (answer.status, answer.body) == (400, b"# the parameter arch is missing; known are x86_64, aarch64\n")


def test_a_redirect_without_a_mirror_is_404() -> None:
    answer = fedora(mirrors=[]).get("/mirrorlist", "repo=fedora-43&arch=x86_64&redirect=1")
    assert (answer.status, answer.body) == (404, b"# no mirror that you can use carries this\n")


# --- headers and methods ------------------------------------------------------------------------------------

EVERYTHING = [
    (200, "/mirrorlist", "repo=fedora-43&arch=x86_64"),
    (200, "/mirrorlist/", "release=43&repo=fedora"),
    (200, "/mirrorlist", "path=releases/43/"),
    (200, "/metalink", "repo=fedora-43&arch=x86_64"),
    (200, "/metalink", "repo=fedora-43&arch=x86_64&format=metalink4"),
    *((200, "/mirrorlist", f"repo=fedora-43&arch=x86_64&format={form}") for form in ("apt", "pacman", "apk", "json")),
    (200, "/isolist/43/x86_64", ""),
    (302, "/mirrorlist", "repo=fedora-43&arch=x86_64&redirect=1"),
    (400, "/mirrorlist", ""),
    (400, "/metalink", "repo=fedora-43"),
    (404, "/mirrorlist", "repo=nope"),
    (404, "/isolist", ""),
    (404, "/nothing", ""),
    (503, "/metalink", "repo=fedora-42&arch=x86_64"),
]


@pytest.mark.parametrize(("status", "path", "query"), EVERYTHING)
def test_every_answer_has_its_length_and_is_kept_by_nobody(service: Both, status: int, path: str, query: str) -> None:
    answer = service.get(path, query)
    assert answer.status == status
    assert answer.headers["content-length"] == str(len(answer.body))
    assert (answer.headers["cache-control"], answer.headers["vary"]) == ("private, no-store", "Accept-Encoding")
    assert answer.headers["x-content-type-options"] == "nosniff"
    for application in (service.flask, service.fronted):
        head = ask(application, environ(path, query, method="HEAD"))
        assert head == Answer(answer.status, answer.headers, b"")


@pytest.mark.parametrize(("status", "path", "query"), EVERYTHING)
def test_gzip_is_the_same_answer(service: Both, status: int, path: str, query: str) -> None:
    plain, packed = service.get(path, query), service.get(path, query, ACCEPT_ENCODING="gzip")
    body = gzip.decompress(packed.body) if "content-encoding" in packed.headers else packed.body
    assert (packed.status, body) == (status, plain.body)


@pytest.mark.parametrize(
    "path", ["/mirrorlist", "/metalink", "/isolist/43/x86_64", "/isolist", "/mirrorlist/43/fedora"]
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_told_which_ones_work(service: Both, path: str, method: str) -> None:
    for application in (service.flask, service.fronted):
        answer = ask(application, environ(path, "repo=fedora-43&arch=x86_64", method=method))
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
        assert answer.headers["content-length"] == str(len(answer.body))
