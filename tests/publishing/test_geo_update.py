"""Renewing databases and cloud ranges from a local server that plays the vendors, with their shapes and failures."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner

from mirrorlist.cli.main import main
from mirrorlist.core.catalogue.service import DOWNLOADS, Download, GeoSources, Service, Vendor
from mirrorlist.core.errors import DownloadError
from mirrorlist.core.network.prefixes import packed
from mirrorlist.core.updates import UpdateOutcome, UpdateResult
from mirrorlist.countries import country_of
from mirrorlist.publishing.geo_update import SAMPLES, DownloadNotes, DownloadUpdate, Known, build_dates
from mirrorlist.sources.geo.downloads import Downloader, NotThere, Validators, download_session
from mirrorlist.sources.geo.mmdb import built_at, read_geo_database
from mirrorlist.sources.geo.sources import AddressSources
from tests.building import service as built_service
from tests.serving import checkout, served
from tests.sources.databases import asn, city, write_database

NOW = 1_795_900_000.0
"""In November 2026."""
CHANGED, UNCHANGED, REFUSED = UpdateOutcome.CHANGED, UpdateOutcome.UNCHANGED, UpdateOutcome.REFUSED
BUILT = re.compile(rb"(?<=build_epoch)[\x04-\x08]\x02.{4}", re.DOTALL)


@cache
def database(built: int = 1_795_000_000, wrong: bool = False, every: int = 1) -> bytes:
    """A database of countries that knows each n-th sampled address, rightly or wrongly."""
    rows = {}
    for number in range(0, SAMPLES, every):
        address = (number * 2_654_435_761 % 2**32).to_bytes(4, "big")
        if country := country_of(address):
            rows[".".join(map(str, address)) + "/32"] = city("AQ" if wrong else country, 1.0, 2.0)
    return _written("GeoLite2-City", rows, built)


@cache
def asns(right: bool) -> bytes:
    rows = {}
    for number in range(SAMPLES):
        address = (number * 2_654_435_761 % 2**32).to_bytes(4, "big")
        if found := KNOWN.asn_of(address):
            rows[".".join(map(str, address)) + "/32"] = asn(found if right else 64_500)
    return _written("GeoLite2-ASN", rows, 1_795_000_000)


def _written(kind: str, rows: Mapping[str, object], built: int) -> bytes:
    with TemporaryDirectory() as directory:
        data = write_database(Path(directory) / "a.mmdb", kind, rows).read_bytes()
    epoch = b"\x04\x02" + built.to_bytes(4, "big")
    found, count = BUILT.subn(lambda _: epoch, data)
    assert count == 1, "the metadata holds one build_epoch, of four bytes"
    return found


KNOWN = Known(country_of)


@dataclass
class Vendors:
    """Answers by path; notes what was asked."""

    answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    port: int = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def says(self, path: str, body: bytes, status: int = 200, **headers: str) -> None:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            etag = headers.get("ETag")
            if etag and handler.headers.get("If-None-Match") == etag:
                handler.send_response(304)
                handler.end_headers()
                return
            handler.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.end_headers()
            handler.wfile.write(body)

        self.answers[path] = answer


@pytest.fixture
def vendors() -> Iterator[Vendors]:
    found = Vendors()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, _ = self.path.partition("?")
            found.asked.append((self.path, dict(self.headers)))
            if path in found.answers:
                found.answers[path](self)
            else:
                self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_port
    with served(server):
        yield found


def download(tmp_path: Path, vendor: Vendor, url: str | None, edition: str = "places", **more: int | str) -> Download:
    path = str(tmp_path / DOWNLOADS / f"{edition}.mmdb")
    return Download(vendor=vendor, edition=edition, path=path, url=url, **more)  # type: ignore[arg-type]


def service_with(tmp_path: Path, *downloads: Download, clouds: tuple[str, ...] = ()) -> Service:
    files = {provider: str(tmp_path / DOWNLOADS / f"{provider}.json") for provider in clouds}
    return built_service(state_dir=str(tmp_path), geo=GeoSources(downloads=downloads, cloud_downloads=files))


def run(service: Service, *accepted: str, keys: Mapping[Vendor, str] | None = None, now: float = NOW) -> UpdateResult:
    update = DownloadUpdate(service, Downloader(download_session()), now, accepted, read_geo_database)
    [found] = update.databases(keys or {}, KNOWN)
    return found


def archive(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as members:
        for member, content in ((f"x/{name}.txt", b"licence"), (f"x/{name}", data)):
            info = tarfile.TarInfo(member)
            info.size = len(content)
            members.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "shape", [bytes, gzip.compress, lambda data: archive("p.mmdb", data)], ids=["plain", "gz", "tar"]
)
def test_a_database_is_taken_up_in_every_shape_and_asked_for_again_only_if_it_changed(
    shape: Callable[[bytes], bytes], tmp_path: Path, vendors: Vendors
) -> None:
    vendors.says("/p", shape(database()), ETag='"1"')
    service = service_with(tmp_path, download(tmp_path, Vendor.URL, vendors.url("/p")))
    assert run(service) == UpdateResult("places", CHANGED, "built on 2026-11-18")
    assert run(service, now=NOW + 60).outcome is UNCHANGED
    note = DownloadNotes(tmp_path).read()["places"]
    assert (note.checked_at, note.changed_at, note.error) == (NOW + 60, NOW, "")
    assert build_dates(service) == {"places": "2026-11-18"}
    found = AddressSources(tmp_path / "cache").read(service.geo)
    assert found.refusals == ()
    place = found.place_at(packed("130.149.7.201") or b"")
    assert place.country == "DE"
    assert sorted(path.name for path in (tmp_path / DOWNLOADS).iterdir()) == [".lock", "notes.json", "places.mmdb"]


def test_a_database_that_is_gone_is_asked_for_whole_again(tmp_path: Path, vendors: Vendors) -> None:
    vendors.says("/p", database(), ETag='"1"')
    service = service_with(tmp_path, download(tmp_path, Vendor.URL, vendors.url("/p")))
    run(service)
    Path(service.geo.downloads[0].path).unlink()
    assert run(service).outcome is CHANGED


def test_dbip_publishes_by_the_month_and_the_last_one_serves_until_the_next_is_there() -> None:
    months: list[str] = []

    class Asking(Downloader):
        def file(self, url, former, to, **_):  # type: ignore[no-untyped-def]
            months.append(url)
            if len(months) == 1:
                raise NotThere(url)

    wanted = Download(vendor=Vendor.DBIP, edition="dbip-city-lite", path="/x.mmdb")
    january = 1_798_761_600.0 + 3600
    Asking(download_session()).database(wanted, None, Validators(), january, Path("/nowhere/new"))
    base = "https://download.db-ip.com/free/dbip-city-lite"
    assert months == [f"{base}-2027-01.mmdb.gz", f"{base}-2026-12.mmdb.gz"]


@pytest.mark.slow
def test_maxmind_compares_the_md5_itself_and_what_came_must_have_the_one_it_names(
    tmp_path: Path, vendors: Vendors
) -> None:
    digest = hashlib.md5(database()).hexdigest()
    vendors.says("/m", gzip.compress(database()), X_Database_MD5=digest)
    wanted = download(tmp_path, Vendor.MAXMIND, vendors.url("/m"), "GeoLite2-City", account=42)
    service = service_with(tmp_path, wanted)
    assert "wants a key; put it into a file" in run(service).detail
    assert vendors.asked == [], "nothing is asked for without a key"
    assert run(service, keys={Vendor.MAXMIND: "secret"}).outcome is CHANGED
    path, headers = vendors.asked[-1]
    assert path == f"/m?db_md5={'0' * 32}"
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"42:secret").decode()
    vendors.says("/m", b"", 304)
    assert run(service, keys={Vendor.MAXMIND: "secret"}).outcome is UNCHANGED
    assert vendors.asked[-1][0] == f"/m?db_md5={digest}"
    vendors.says("/m", gzip.compress(database(1_795_000_001)), X_Database_MD5=digest)
    assert "not what its MD5 says" in run(service, keys={Vendor.MAXMIND: "secret"}).detail


def test_a_key_comes_from_its_file_and_no_message_holds_it(tmp_path: Path, vendors: Vendors) -> None:
    (tmp_path / "token").write_text("tok-en\n")
    vendors.says("/i", database())
    wanted = download(tmp_path, Vendor.IPINFO, vendors.url("/i"), "ipinfo_lite", key_file=str(tmp_path / "token"))
    service = service_with(tmp_path, wanted)
    assert run(service, keys={Vendor.IPINFO: "other"}).outcome is CHANGED
    assert vendors.asked[-1][0] == "/i?token=tok-en"
    vendors.says("/i", b"{}", 401)
    refused = run(service)
    assert (refused.outcome, "tok-en" in refused.detail) == (REFUSED, False)
    (tmp_path / "token").unlink()
    assert "No such file" in run(service).detail


@pytest.mark.parametrize(
    ("body", "status", "headers", "said"),
    [
        (b"Invalid license key", 401, {}, "status 401; the vendor refuses the key"),
        (b"", 403, {}, "the vendor refuses the key"),
        (b"slow down", 429, {"Retry_After": "3600"}, "limit of downloads is reached, ask again in 3600 s"),
        (b"slow down", 429, {"Retry_After": "\x1b[2J"}, "ask again tomorrow"),
        (b"", 404, {}, "status 404; is the edition spelled"),
        (b"", 503, {}, "status 503; the former file stays"),
        (database()[: len(database()) // 2], 200, {}, "not a usable database"),
        (gzip.compress(database())[:-500], 200, {}, "it ends early"),
        (database()[:-10], 200, {"Content-Length": str(len(database()))}, "the connection ended before the file did"),
        (gzip.compress(b"x" * 1000)[:20] + b"y" * 50, 200, {}, "damaged"),
        (archive("readme", b"text"), 200, {}, "an archive without a .mmdb file"),
        (b"<!doctype html><title>Sign in</title>", 200, {}, "not a usable database"),
        (b"", 200, {}, "not a usable database"),
        (database(1_794_000_000), 200, {}, "built on 2026-11-06, which is older than the present one"),
        (database(1_796_000_000, wrong=True), 200, {}, "its countries agree with the registries' for "),
        (database(1_796_000_000, every=3), 200, {}, "networks, where the present one has"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_bad_is_refused_with_its_reason_and_the_former_stays(
    body: bytes, status: int, headers: dict[str, str], said: str, tmp_path: Path, vendors: Vendors
) -> None:
    vendors.says("/p", database())
    service = service_with(tmp_path, download(tmp_path, Vendor.URL, vendors.url("/p")))
    run(service)
    vendors.says("/p", body, status, **headers)
    refused = run(service, now=NOW + 60)
    assert (refused.outcome, said in refused.detail) == (REFUSED, True), refused.detail
    assert str(tmp_path) not in refused.detail
    assert Path(service.geo.downloads[0].path).read_bytes() == database()
    note = DownloadNotes(tmp_path).read()["places"]
    assert (note.error, note.changed_at) == (refused.detail, NOW)
    assert not list((tmp_path / DOWNLOADS).glob(".places*"))


def test_a_doubtful_database_is_taken_up_when_the_operator_says_so(tmp_path: Path, vendors: Vendors) -> None:
    vendors.says("/p", database(wrong=True))
    service = service_with(tmp_path, download(tmp_path, Vendor.URL, vendors.url("/p")))
    assert run(service).detail.endswith("take it up with --accept places")
    assert run(service, "places").outcome is CHANGED


def test_a_vendors_whole_database_knows_most_addresses_but_an_operators_own_may_be_small(
    tmp_path: Path, vendors: Vendors
) -> None:
    vendors.says("/p", database(every=5))
    own = service_with(tmp_path / "own", download(tmp_path / "own", Vendor.URL, vendors.url("/p")))
    vendor = service_with(tmp_path / "dbip", download(tmp_path / "dbip", Vendor.DBIP, vendors.url("/p")))
    assert run(own).outcome is CHANGED
    assert "sampled addresses only" in run(vendor).detail


@pytest.mark.slow
@pytest.mark.parametrize("right", [True, False])
def test_a_database_of_asns_is_held_against_the_installed_table(right: bool, tmp_path: Path, vendors: Vendors) -> None:
    vendors.says("/a", asns(right))
    service = service_with(tmp_path, download(tmp_path, Vendor.DBIP, vendors.url("/a")))
    found = run(service)
    assert found.outcome is (CHANGED if right else REFUSED)
    assert right or "its ASNs agree" in found.detail


def test_one_that_fails_does_not_keep_the_others(tmp_path: Path, vendors: Vendors) -> None:
    vendors.says("/b", database())
    first = download(tmp_path, Vendor.URL, vendors.url("/missing"), "a")
    second = download(tmp_path, Vendor.URL, vendors.url("/b"), "b")
    update = DownloadUpdate(service_with(tmp_path, first, second), Downloader(download_session()), NOW)
    assert [each.outcome for each in update.databases({}, KNOWN)] == [REFUSED, CHANGED]


def test_two_updates_do_not_run_at_once(tmp_path: Path, vendors: Vendors) -> None:
    vendors.says("/p", database())
    service = service_with(tmp_path, download(tmp_path, Vendor.URL, vendors.url("/p")))
    update = DownloadUpdate(service, Downloader(download_session()), NOW)
    running = update.databases({}, KNOWN)
    next(running)
    with pytest.raises(DownloadError, match="another update"):
        run(service)


def test_what_drips_ends_at_its_deadline(tmp_path: Path, vendors: Vendors) -> None:
    vendors.says("/p", database())
    times = iter([0.0, 1801.0])
    service = service_with(tmp_path, download(tmp_path, Vendor.URL, vendors.url("/p")))
    update = DownloadUpdate(service, Downloader(download_session(), clock=lambda: next(times)), NOW)
    [found] = update.databases({}, KNOWN)
    assert "not complete after 1800 s" in found.detail


AWS = {"syncToken": "2", "prefixes": [], "ipv6_prefixes": []}


def ranges(count: int, serial: int = 2) -> bytes:
    rows = [{"ip_prefix": f"3.{n >> 8}.{n & 255}.0/24", "region": "eu-west-1", "service": "EC2"} for n in range(count)]
    return json.dumps(AWS | {"syncToken": str(serial), "prefixes": rows}).encode()


def cloud_run(service: Service, urls: Mapping[str, str], *accepted: str) -> UpdateResult:
    [found] = DownloadUpdate(service, Downloader(download_session()), NOW, accepted).clouds(urls)
    return found


@pytest.mark.slow
def test_the_ranges_of_a_cloud_are_renewed_and_far_fewer_or_older_ones_refused(
    tmp_path: Path, vendors: Vendors
) -> None:
    service, urls = service_with(tmp_path, clouds=("aws",)), {"aws": vendors.url("/aws")}
    for body, outcome, said in (
        (ranges(10), REFUSED, "10 address ranges, where there are"),
        (ranges(30_000), CHANGED, ""),
        (ranges(10_000, 3), REFUSED, "10000 address ranges, where there are 30000 now"),
        (ranges(30_000, 1), REFUSED, "older than the present one"),
        (b"<html>", REFUSED, "not aws's list"),
        (b"{}", REFUSED, "not aws's list"),
        (b'{"prefixes": [], "ipv6_prefixes": []}', REFUSED, "no address range of aws in it"),
    ):
        vendors.says("/aws", body)
        found = cloud_run(service, urls)
        assert (found.outcome, said in found.detail) == (outcome, True), found
    vendors.says("/aws", ranges(10_000, 3))
    assert cloud_run(service, urls, "aws").outcome is CHANGED
    addresses = AddressSources(tmp_path / "cache").read(service.geo)
    assert ("aws" in addresses.proof.hints, addresses.refusals) == (False, ())


def test_azures_file_is_found_through_its_page(tmp_path: Path, vendors: Vendors) -> None:
    networks = [f"20.{n >> 8}.{n & 255}.0/24" for n in range(30_000)]
    tags = [{"name": "AzureCloud.westeurope", "properties": {"addressPrefixes": networks}}]
    vendors.says("/download/ServiceTags_Public_20261123.json", json.dumps({"changeNumber": 5, "values": tags}).encode())
    page = f'<a href="{vendors.url("/download/ServiceTags_Public_20261123.json")}">Download</a>'
    vendors.says("/details", page.encode())
    service, urls = service_with(tmp_path, clouds=("azure",)), {"azure": vendors.url("/details")}
    assert cloud_run(service, urls, "azure").outcome is CHANGED
    vendors.says("/details", b"<p>Sorry</p>")
    assert "no link to ServiceTags_Public" in cloud_run(service, urls).detail


def test_the_time_that_a_database_says_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.mmdb").write_bytes(database())
    assert built_at(tmp_path / "a.mmdb") == 1_795_000_000


def test_the_commands_print_a_line_each_and_end_with_1_after_a_refusal(tmp_path: Path, vendors: Vendors) -> None:
    vendors.says("/places.mmdb.gz", gzip.compress(database()))
    config = checkout(tmp_path)
    url = vendors.url("/places.mmdb.gz")
    config.write_text(f"{config.read_text()}geo: {{downloads: [{{vendor: url, url: '{url}'}}]}}\n")

    def said(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, ["--config", str(config), "update", *arguments])
        return done.exit_code, done.output

    assert said("geo") == (0, "changed    places  built on 2026-11-18\n")
    vendors.says("/places.mmdb.gz", b"", 429)
    assert said("geo") == (
        1,
        f"refused    places  {url}: status 429; the vendor's limit of downloads is reached, ask again tomorrow\n",
    )
    assert said("geo", "--accept", "place") == (1, "error: --accept place: unknown; known are places\n")
    assert said("clouds")[0] == 2
    assert "cloud_downloads: [aws" in said("clouds")[1]
