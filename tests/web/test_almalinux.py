"""AlmaLinux's interface, and the faults of the service that AlmaLinux runs: each is named and shown not to be ours."""

from __future__ import annotations

import ipaddress
import json
import socket
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mirrorlist.core.errors import ServiceFileError
from mirrorlist.core.model import MAIN, Location, Protocol
from mirrorlist.sources.mirrors.files import MirrorFiles, read_mirror_files
from mirrorlist.sources.places.countries import read_countries
from mirrorlist.sources.service.file import read_service
from tests.building import mirror, snapshot
from tests.web.asking import Answer, Both, ask, both, environ
from tests.web.distributions import ALMALINUX, CITIES, HIDDEN, PROXIES, almalinux, lines, names

REAL = Path(__file__).parents[3] / "shared" / "data" / "almalinux"
TREE = "example.org/almalinux/"
KITTEN = "example.org/almalinux-kitten/"
real_data = pytest.mark.skipif(not REAL.is_dir(), reason=f"{REAL} is not there")


@pytest.fixture(scope="module")
def service() -> Both:
    return almalinux()


def is_public(answer: Answer) -> bool:
    return set(names(lines(answer))) == set(CITIES)


# --- /mirrorlist --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/mirrorlist/8/baseos", "", "8.10/BaseOS/$basearch/os/"),
        ("/mirrorlist/8.10/baseos", "", "8.10/BaseOS/$basearch/os/"),
        ("/mirrorlist/9/baseos", "arch=aarch64", "9.8/BaseOS/aarch64/os/"),
        ("/mirrorlist/9/baseos/", "arch=aarch64", "9.8/BaseOS/aarch64/os/"),
        ("/mirrorlist/9.9/appstream", "", "9.8/AppStream/$basearch/os/"),
        ("/mirrorlist/10.3/appstream", "", "10.2/AppStream/$basearch/os/"),
        ("/mirrorlist/8/powertools", "", "8.10/PowerTools/$basearch/os/"),
        ("/mirrorlist/9/crb", "", "9.8/CRB/$basearch/os/"),
        ("/mirrorlist/9/rt", "arch=x86_64", "9.8/RT/x86_64/os/"),
        ("/mirrorlist/9/baseos", "countme=1", "9.8/BaseOS/$basearch/os/"),
        ("/mirrorlist/9/baseos", "bypass_cache=1", "9.8/BaseOS/$basearch/os/"),
    ],
)
def test_a_list_is_one_url_a_line(service: Both, path: str, query: str, expected: str) -> None:
    answer = service.get(path, query)
    body = answer.body.decode()
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert sorted(body.splitlines()) == sorted(f"https://{city}.{TREE}{expected}" for city in CITIES)
    assert body.endswith("/\n")


def test_a_module_is_a_tree_of_its_own(service: Both) -> None:
    found = lines(service.get("/mirrorlist/10-kitten/baseos", "arch=x86_64"))
    assert sorted(found) == sorted(f"https://{city}.{KITTEN}10-kitten/BaseOS/x86_64/os/" for city in CITIES)


@pytest.mark.parametrize(
    ("query", "schemes", "expected"),
    [
        ("protocol=http", {"http"}, set(CITIES)),
        ("protocol=https", {"https"}, set(CITIES)),
        ("country=de", {"https"}, {"berlin", "munich"}),
        ("protocol=http&country=DE", {"http"}, {"berlin", "munich"}),
        ("country=JP&arch=x86_64&protocol=https", {"https"}, {"tokyo"}),
    ],
)
def test_protocol_and_country(service: Both, query: str, schemes: set[str], expected: set[str]) -> None:
    found = lines(service.get("/mirrorlist/9/baseos", query))
    assert ({url.partition(":")[0] for url in found}, set(names(found))) == (schemes, expected)


# --- the vault ----------------------------------------------------------------------------------------------

VAULTS = [
    ("/mirrorlist/8.5/baseos", "", "8.5/BaseOS/$basearch/os/"),
    ("/mirrorlist/8.5/baseos", "arch=x86_64", "8.5/BaseOS/x86_64/os/"),
    ("/mirrorlist/9.2/baseos/", "arch=aarch64", "9.2/BaseOS/aarch64/os/"),
    ("/mirrorlist/9.2-beta/appstream", "", "9.2-beta/AppStream/$basearch/os/"),
    ("/mirrorlist/9/baseos-source", "", "9.8/BaseOS/Source/"),
    ("/mirrorlist/9/baseos-source", "arch=x86_64", "9.8/BaseOS/Source/"),
    ("/mirrorlist/9/baseos-debug", "arch=x86_64", "9.8/BaseOS/debug/x86_64/"),
    ("/isolist/9.2/x86_64", "", "9.2/isos/x86_64"),
]


def urls_of(answer: Answer) -> list[str]:
    return list(json.loads(answer.body)) if answer.body.startswith(b"[") else lines(answer)


@pytest.mark.parametrize(("path", "query", "expected"), VAULTS)
def test_one_vault_is_one_line(service: Both, path: str, query: str, expected: str) -> None:
    answer = service.get(path, query)
    assert urls_of(answer) == [f"http://vault.example.org/{expected}"]
    assert answer.body.count(b"\n") == 1


@pytest.mark.parametrize(("path", "query", "expected"), VAULTS)
def test_several_vaults_are_told_https_first_and_else_in_the_order_of_the_file(
    path: str, query: str, expected: str
) -> None:
    trees = ("https://vault.example.org/", "http://old.example.org/vault/", "https://third.example.org/vault/")
    several = almalinux(catalogue=replace(ALMALINUX, vault_urls=trees))

    assert urls_of(several.get(path, query)) == [trees[number] + expected for number in (0, 2, 1)]
    secure = [tree + expected for tree in trees if tree.startswith("https:")]
    assert urls_of(several.get(path, f"{query}&protocol=https")) == secure
    assert urls_of(several.get(path, f"{query}&protocol=http")) == [trees[1] + expected]


def test_a_vault_without_the_protocol_asked_for_is_404(service: Both) -> None:
    assert service.get("/mirrorlist/9.2/baseos", "protocol=https").status == 404


def test_the_vault_has_no_metalinks(service: Both) -> None:
    answer = service.get("/metalink/9.2/baseos", "arch=x86_64")
    assert (answer.status, answer.body) == (404, b"# the vault has no metalinks; ask /mirrorlist instead\n")


# --- /isolist -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/isolist/9/x86_64", "/isolist/9.8/x86_64", "/isolist/9/x86_64/", "/isolist/9.99/x86_64"]
)
def test_an_isolist_is_json_and_says_so(service: Both, path: str) -> None:
    answer = service.get(path)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert sorted(json.loads(answer.body)) == sorted(f"https://{city}.{TREE}9.8/isos/x86_64" for city in CITIES)
    assert b" " not in answer.body
    assert answer.body.endswith(b"]\n")


def test_an_isolist_is_in_the_order_of_the_mirrorlist(service: Both) -> None:
    for peer in ("192.0.2.1", "203.0.113.1", "198.51.100.1"):
        images = names(json.loads(service.get("/isolist/9/x86_64", "", peer).body))
        assert images == names(lines(service.get("/mirrorlist/9/baseos", "", peer)))


@pytest.mark.parametrize("query", ["arch=aarch64", "arch=nonsense!", "countme=1", "format="])
def test_an_isolist_takes_its_arch_from_the_path(service: Both, query: str) -> None:
    assert service.get("/isolist/9/x86_64", query).body == service.get("/isolist/9/x86_64").body


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/isolist/9/bogusarch", ""),
        ("/isolist/9/x86_64_v2", ""),
        ("/isolist/9/", ""),
        ("/isolist", ""),
        ("/isolist/11/x86_64", ""),
        ("/isolist/9/x86_64/more", ""),
        ("/isolist/9/..", ""),
        ("/isolist/10-kitten/ppc64le", ""),
    ],
)
def test_an_isolist_of_nothing_is_404(service: Both, path: str, query: str) -> None:
    answer = service.get(path, query)
    assert (answer.status, answer.body[:2]) == (404, b"# ")


def test_isolist_protocol_and_country(service: Both) -> None:
    found = json.loads(service.get("/isolist/9/x86_64", "protocol=http&country=JP").body)
    assert found == [f"http://tokyo.{TREE}9.8/isos/x86_64"]


# --- the faults, by their number in the list of them ----------------------------------------------------------


@pytest.mark.parametrize("first", ["77.120.212.30", "77.120.212.99"])
def test_fault_1_a_monopoly_of_one_address_does_not_leak_to_its_24(first: str) -> None:
    own = mirror("own", "berlin", private=True, monopoly=True, subnets=["77.120.212.30/32"])
    service = both(snapshot([*(mirror(f"m{number}", "berlin") for number in range(3)), own]))
    expected = {"77.120.212.30": {"own"}, "77.120.212.99": {"m0", "m1", "m2"}}
    for address in (first, *expected, first):
        assert set(names(lines(service.get("/mirrorlist/9/baseos", "", address)))) == expected[address]


@pytest.mark.parametrize("first", ["2001:db8:9::1", "2001:db8:9::ffff"])
def test_fault_1_a_v6_network_longer_than_64_does_not_leak(first: str) -> None:
    own = mirror("own", "berlin", private=True, subnets=["2001:db8:9::/112"])
    outside = mirror("all", "berlin")
    service = both(snapshot([own, outside]))
    for address in (first, "2001:db8:9::1", "2001:db8:9::1:0", "2001:db8:9::ffff"):
        inside = ipaddress.ip_address(address) in ipaddress.ip_network("2001:db8:9::/112")
        assert ("own" in names(lines(service.get("/mirrorlist/9/baseos", "", address)))) == inside


@pytest.mark.parametrize("forwarded", ["garbage", "", "unknown", "1.2.3.4.5", "198.51.100.1.", "\xff", "_hidden"])
@pytest.mark.parametrize("path", ["/mirrorlist/9/baseos", "/isolist/9/x86_64"])
def test_fault_2_an_unparsable_address_gets_public_mirrors_only(service: Both, forwarded: str, path: str) -> None:
    answer = service.get(path, "", "10.0.0.1", X_FORWARDED_FOR=forwarded)
    assert set(names(urls_of(answer))) == set(CITIES)


@pytest.mark.parametrize("forwarded", ["198.51.100.1:4711", "198.51.100.1", "[2001:db8:1:1::1]:443"])
def test_fault_2_a_port_in_x_forwarded_for_is_read(service: Both, forwarded: str) -> None:
    found = names(lines(service.get("/mirrorlist/9/baseos", "", "10.0.0.1", X_FORWARDED_FOR=forwarded)))
    assert found[0] == "lab"


@pytest.mark.parametrize(
    "version", ["99", "8foo", "91.1", "100", "9-kitten", "10-kitten-x", "10.2.1", "7", "1", "v9", "9.", "8.2", "08"]
)
def test_fault_3_a_wrong_version_is_404(service: Both, version: str) -> None:
    for path in (f"/mirrorlist/{version}/baseos", f"/isolist/{version}/x86_64", f"/metalink/{version}/baseos"):
        answer = service.get(path)
        assert (answer.status, answer.body[:19]) == (404, b"# unknown version; ")


@pytest.mark.parametrize(
    "path",
    [
        "/mirrorlist/9/powertools",
        "/mirrorlist/8/crb",
        "/mirrorlist/10-kitten/crb",
        "/mirrorlist/10-kitten/rt",
        "/mirrorlist/9/nope",
        "/mirrorlist//appstream",
    ],
)
def test_fault_3_a_repository_that_the_version_lacks_is_404(service: Both, path: str) -> None:
    assert service.get(path).status == 404


@pytest.mark.parametrize(
    ("path", "arch"), [("9/rt", "aarch64"), ("10-kitten/baseos", "x86_64_v2"), ("9/baseos", "i386")]
)
def test_fault_3_an_arch_that_the_repository_lacks_is_404(service: Both, path: str, arch: str) -> None:
    assert service.get(f"/mirrorlist/{path}", f"arch={arch}").status == 404


@pytest.mark.parametrize("query", ["protocol=ftp", "protocol=gopher", "country=DEU", "country=1", "arch=x-y"])
def test_fault_4_bad_input_is_400_and_not_200(service: Both, query: str) -> None:
    answer = service.get("/mirrorlist/9/baseos", query)
    assert (answer.status, answer.body[:2], answer.body.count(b"\n")) == (400, b"# ", 1)


@pytest.mark.parametrize("country", ["XX", "BR", "ZZ"])
def test_fault_4_a_country_without_a_mirror_is_no_empty_list(service: Both, country: str) -> None:
    answer = service.get("/mirrorlist/9/baseos", f"country={country}")
    assert is_public(answer)
    assert answer.body.endswith(b"# no mirror in the countries asked for has this; the usual order follows\n")


def test_fault_4_a_client_whose_place_is_half_known_is_served() -> None:
    countries_only = snapshot([mirror("a", "berlin"), mirror("b")], at={"192.0.2.0/24": "DE"})
    for address in ("192.0.2.1", "8.8.8.8", "2001:db8::1"):
        assert set(names(lines(both(countries_only).get("/mirrorlist/9/baseos", "", address)))) == {"a", "b"}


def test_fault_5_kitten_images_are_in_the_modules_tree(service: Both) -> None:
    found = json.loads(service.get("/isolist/10-kitten/x86_64").body)
    assert sorted(found) == sorted(f"https://{city}.{KITTEN}10-kitten/isos/x86_64" for city in CITIES)


def test_fault_5_a_percent_sign_in_a_url_spoils_nothing() -> None:
    odd = mirror("odd", "berlin", urls={MAIN: {Protocol.HTTP: "http://odd.example.org/a%20b/%s%d/x/"}})
    service = both(snapshot([odd, mirror("plain", "berlin")]))
    for path, end in (("/mirrorlist/9/baseos", "9.8/BaseOS/$basearch/os/"), ("/isolist/9/x86_64", "9.8/isos/x86_64")):
        assert f"http://odd.example.org/a%20b/%s%d/x/{end}" in urls_of(service.get(path))


def test_fault_7_https_is_never_handed_out_under_another_scheme(tmp_path: Path) -> None:
    found = loaded(tmp_path, {"a": mirror_file("a").replace("https://a.", "http://a.")})
    urls = found.mirrors["a.example.org.yml"].urls[MAIN]
    assert all(url.startswith(f"{protocol}://") for protocol, url in urls.items())


def test_fault_9_a_mirror_needs_no_address_of_its_own_to_be_listed() -> None:
    unplaced = mirror("v6only", None, location=Location(country="DE"))
    found = names(lines(both(snapshot([unplaced])).get("/mirrorlist/9/baseos", "", "2001:db8::1")))
    assert found == ["v6only"]


BROKEN = {
    "a YAML error": "name: [\n",
    "an empty file": "",
    "a list": "- a\n- b\n",
    "not UTF-8": b"name: \xff\xfe\n",
    "no address": "name: broken.example.org\n",
    "no name": "address: {https: 'https://broken.example.org/'}\n",
    "an alias bomb": "a: &a [x,x,x]\nb: &b [*a,*a,*a]\nname: [*b,*b,*b]\n",
}


def mirror_file(name: str, more: str = "") -> str:
    return textwrap.dedent(f"""\
        name: {name}.example.org
        address: {{https: 'https://{name}.example.org/linux/', http: 'http://{name}.example.org/linux/'}}
        update_frequency: 3h
        sponsor: Example
        sponsor_url: https://example.org/
        """) + textwrap.dedent(more)


def loaded(directory: Path, files: dict[str, str | bytes]) -> MirrorFiles:
    for name, text in files.items():
        data = text if isinstance(text, bytes) else text.encode()
        (directory / f"{name}.example.org.yml").write_bytes(data)
    return read_mirror_files(directory, ("main", "kitten"), read_countries())


@pytest.mark.parametrize("kind", BROKEN)
def test_fault_10_one_bad_file_spoils_that_mirror_only(tmp_path: Path, kind: str) -> None:
    found = loaded(tmp_path, {"a": mirror_file("a"), "broken": BROKEN[kind], "c": mirror_file("c")})
    assert sorted(found.mirrors) == ["a.example.org.yml", "c.example.org.yml"]
    assert any("broken" in str(finding) for finding in found.findings)


def test_fault_10_host_bits_are_told_with_the_remedy_and_do_not_stop_the_rest(tmp_path: Path) -> None:
    broken = mirror_file("broken", "subnets: ['10.0.0.1/24']\n")
    found = loaded(tmp_path, {"a": mirror_file("a"), "broken": broken})
    assert "a.example.org.yml" in found.mirrors
    assert any("10.0.0.0/24" in str(finding) for finding in found.findings)


@pytest.mark.parametrize("kind", ["no versions: ", "versions: [9.10]\n", "versions: ['9']\nrepos: []\nnope: 1\n"])
def test_fault_10_a_bad_service_file_stops_the_start_with_a_reason(tmp_path: Path, kind: str) -> None:
    (tmp_path / "service.yml").write_text(kind)
    with pytest.raises(ServiceFileError):
        read_service(tmp_path / "service.yml")


def test_fault_11_a_mirror_that_is_gone_is_gone_with_the_next_snapshot() -> None:
    kept = [mirror(f"m{number}", "berlin") for number in range(3)]
    service = both(snapshot([*kept, mirror("gone", "berlin")]))
    assert "gone" in names(lines(service.get("/mirrorlist/9/baseos")))
    service.held.put(snapshot(kept))
    assert set(names(lines(service.get("/mirrorlist/9/baseos")))) == {"m0", "m1", "m2"}


def test_fault_13_a_near_mirror_across_a_border_comes_before_a_far_one_at_home() -> None:
    of = snapshot(
        [mirror("prague", "prague"), mirror("home", None, location=overseas("DE"))],
        at={"192.0.2.0/24": "berlin"},
    )
    assert names(lines(both(of).get("/mirrorlist/9/baseos"))) == ["prague", "home"]


def overseas(country: str) -> Location:
    return Location(country=country, latitude=-33.0, longitude=150.0)


def test_fault_13_matches_by_asn_are_bounded_and_followed_by_others() -> None:
    same = [mirror(f"asn{number}", "tokyo", asns=(64500,)) for number in range(40)]
    of = snapshot([*same, mirror("near", "berlin")], at={"192.0.2.0/24": "berlin"}, asns={"192.0.2.0/24": 64500})
    assert len(lines(both(of).get("/mirrorlist/9/baseos"))) == of.policy.limit


@pytest.mark.parametrize(
    "forwarded",
    ["198.51.100.17", "198.51.100.1, 192.0.2.9", "198.51.100.17, 8.8.8.8", "198.51.100.1,192.0.2.9, 10.0.0.2"],
)
def test_fault_17_a_client_cannot_choose_its_address(service: Both, forwarded: str) -> None:
    spoofed = service.get("/mirrorlist/9/baseos", "", "192.0.2.9", X_FORWARDED_FOR=forwarded)
    assert spoofed == service.get("/mirrorlist/9/baseos", "", "192.0.2.9")
    appended = service.get("/mirrorlist/9/baseos", "", "10.0.0.1", X_FORWARDED_FOR=f"{forwarded}, 192.0.2.9")
    assert appended == spoofed
    assert not set(names(lines(spoofed))) & set(HIDDEN)


@pytest.mark.parametrize("path", ["/mirrorlist/9/baseos", "/isolist/9/x86_64"])
def test_fault_18_spellings_of_a_country_are_one_country_and_no_address_fills_the_memory(
    service: Both, path: str
) -> None:
    bodies = {service.get(path, f"country={country}").body for country in ("de", "dE", "De", "DE", "de,DE")}
    assert len(bodies) == 1
    whole = service.get(path, "", "10.0.0.1", X_FORWARDED_FOR="8.8.8.8").body
    assert len(whole) < 2000, "an address without a place gets a short list too"


def test_fault_20_a_list_of_subnets_by_url_is_not_fetched_while_files_are_read(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as inside:
        inside.setblocking(False)
        url = f"https://127.0.0.1:{inside.getsockname()[1]}/networks.json"
        found = loaded(tmp_path, {"a": mirror_file("a", f"subnets: '{url}'\n")})
        with pytest.raises(BlockingIOError):
            inside.accept()
    assert [each.subnets for each in found.mirrors.values()] in ([], [()])


def test_fault_20_a_list_of_subnets_comes_by_https_only(tmp_path: Path) -> None:
    found = loaded(tmp_path, {"a": mirror_file("a", "subnets: 'http://169.254.169.254/latest'\n")})
    (mirror,) = found.mirrors.values()
    assert (mirror.subnets, mirror.subnets_url, len(found.findings)) == ((), None, 1)


def test_fault_22_https_comes_first(service: Both) -> None:
    assert all(url.startswith("https://") for url in lines(service.get("/mirrorlist/9/baseos")))
    assert service.get("/metalink/9/baseos", "arch=x86_64").body.count(b'type="sha256"') == 3


def test_fault_23_no_answer_tells_of_private_mirrors_or_of_the_request(service: Both) -> None:
    for path in ("/debug/json/all_mirrors", "/debug/json/ip_info", "/debug/html/all", "/debug/json/nearest_mirrors"):
        for application in (service.flask, service.fronted):
            answer = ask(application, environ(path, X_SECRET="12345"))
            assert answer.status == 404
            assert b"12345" not in answer.body


def test_fault_23_a_sponsor_url_is_a_web_address(tmp_path: Path) -> None:
    text = mirror_file("a").replace("https://example.org/", "'javascript:alert(1)'")
    found = loaded(tmp_path, {"a": text})
    assert all("javascript" not in (each.sponsor_url or "") for each in found.mirrors.values())
    assert any("sponsor_url" in str(finding) for finding in found.findings)


# --- AlmaLinux's own files -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real() -> Iterator[Both]:
    config, _ = read_service(REAL / "config.yml")
    modules = tuple(config.modules)
    found = read_mirror_files(REAL / "mirrors.d", modules, read_countries())
    yield both(
        snapshot(
            list(found.mirrors.values()),
            at={"192.0.2.0/24": "berlin", "203.0.113.0/24": "tokyo"},
            catalogue=config.catalogue, modules=config.modules, trusted_proxies=PROXIES,
        )
    )  # fmt: skip


@pytest.mark.slow
@real_data
def test_real_every_repository_of_every_version_has_a_list(real: Both) -> None:
    config, _ = read_service(REAL / "config.yml")
    answered = 0
    for version in ("8", "9", "10", "10-kitten", "8.5", "9.7-beta"):
        for repository in config.catalogue.repositories:
            answer = real.get(f"/mirrorlist/{version}/{repository}", "arch=x86_64")
            assert answer.status in (200, 404)
            answered += answer.status == 200
    assert answered > 150


@real_data
@pytest.mark.parametrize("version", ["8", "9", "10", "10-kitten"])
def test_real_lists_hold_twenty_web_urls_and_no_private_mirror(real: Both, version: str) -> None:
    for address in ("192.0.2.1", "203.0.113.1", "8.8.8.8"):
        text = lines(real.get(f"/mirrorlist/{version}/baseos", "arch=x86_64", address))
        images = json.loads(real.get(f"/isolist/{version}/x86_64", "", address).body)
        assert len(text) == len(images) == 20
        assert all(url.startswith(("https://", "http://")) for url in text + images)
        assert all(f"/{'10-kitten' if 'kitten' in version else version}" in url for url in text + images)


@real_data
def test_real_a_kitten_list_uses_the_kitten_trees(real: Both) -> None:
    for url in json.loads(real.get("/isolist/10-kitten/x86_64").body):
        assert url.endswith("/10-kitten/isos/x86_64")
        assert "kitten" in url.removesuffix("10-kitten/isos/x86_64")


@real_data
def test_real_an_unknown_client_gets_no_whole_list(real: Both) -> None:
    answer = real.get("/mirrorlist/9/baseos", "", "10.0.0.1", X_FORWARDED_FOR="garbage")
    assert len(lines(answer)) == 20
