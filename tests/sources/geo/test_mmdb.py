""""""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geoip2.database
import geoip2.errors
import maxminddb
import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from mirrorlist.core.errors import GeoDatabaseError
from mirrorlist.core.model import NOWHERE, ClientPlace
from mirrorlist.core.network.prefixes import unmapped, unwrapped
from mirrorlist.core.selection.compile import country_places
from mirrorlist.sources.geo.databases import compiled
from mirrorlist.sources.geo.mmdb import read_geo_database
from mirrorlist.sources.geo.tables import GeoTables, merged
from tests.building import CENTRES

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "data" / "geo" / "maxmind"
PLACES, NUMBERS = country_places(CENTRES)
Rows = Mapping[str, Any]


def _write(path: Path, kind: str, rows: Rows, *, version: int = 6, padding: int = 0) -> str:
    """A database of this type. ``padding`` mebibytes of further records need wider pointers to the data."""
    writer = MMDBWriter(version, kind, languages=["en"], ipv4_compatible=version == 6)
    for network, content in rows.items():
        writer.insert_network(IPSet([network]), content)
    for number in range(padding):
        writer.insert_network(IPSet([f"10.0.{number >> 8}.{number & 255}/32"]), {"padding": f"{number}" + "x" * 2**20})
    writer.to_db_file(str(path))
    return str(path)


def _city(country: str | None, latitude: Any, longitude: Any, radius: Any = 20, **more: Any) -> dict[str, Any]:
    named = {"country": {"iso_code": country}} if country else {}
    return {
        **named,
        "continent": {"code": "EU"},
        "city": {"names": {"en": "Somewhere"}},
        "location": {"latitude": latitude, "longitude": longitude, "accuracy_radius": radius},
        **more,
    }


def _asn(number: Any) -> dict[str, Any]:
    return {"autonomous_system_number": number, "autonomous_system_organization": "Example"}


def _read(*paths: str) -> GeoTables:
    return merged([read_geo_database(Path(path)) for path in paths], PLACES, NUMBERS)


def _address(text: str) -> bytes:
    return ipaddress.ip_address(text).packed


def _place(found: GeoTables, text: str) -> ClientPlace:
    return found.places[found.located.at(_address(text))]


GERMANY = {"country": {"iso_code": "DE"}}
BERLIN = ClientPlace("DE", 53.0, 13.0, True)
CITY = {
    "192.0.2.0/25": _city("DE", 52.52, 13.4),
    "192.0.2.128/26": _city("FR", 48.86, 2.35),
    "198.51.100.0/24": {"country": {"iso_code": "JP"}},
    "203.0.113.7/32": _city("US", 37.751, -97.822, 1000),
    "2001:db8::/32": _city("DE", 52.52, 13.4),
    "2001:db8:1::/48": _city("BR", -23.55, -46.63),
    "2001:db8:2:3::/64": {"registered_country": {"iso_code": "ZA"}},
    "2400::/12": {"country": {"iso_code": "AU"}},
}
ASNS = {
    "192.0.2.0/24": _asn(64500),
    "198.51.100.0/25": _asn(4_294_967_294),
    "2001:db8::/33": _asn(64501),
    "2001:db8:8000::/48": _asn(64500),
}


def test_a_city_database_gives_cells_and_countries(tmp_path: Path) -> None:
    found = _read(_write(tmp_path / "c.mmdb", "GeoLite2-City", CITY))
    assert {text: _place(found, text) for text in PLACE_OF} == PLACE_OF
    assert found.places[: len(PLACES)] == PLACES
    assert len(set(found.places)) == len(found.places)
    assert set(found.asns.ids4) == set(found.asns.ids6) == {0}


PLACE_OF = {
    "0.0.0.0": NOWHERE,
    "192.0.1.255": NOWHERE,
    "192.0.2.0": BERLIN,
    "192.0.2.127": BERLIN,
    "192.0.2.128": ClientPlace("FR", 49.0, 2.0, True),
    "192.0.2.192": NOWHERE,
    "198.51.100.9": ClientPlace("JP", *CENTRES["JP"]),
    "203.0.113.7": ClientPlace("US", *CENTRES["US"]),  # good for 1000 km only: the whole country
    "203.0.113.8": NOWHERE,
    "255.255.255.255": NOWHERE,
    "2001:db8::1": BERLIN,
    "2001:db8:0:ffff:ffff:ffff:ffff:ffff": BERLIN,
    "2001:db8:1::1": ClientPlace("BR", -24.0, -47.0, True),
    "2001:db8:2:2::1": BERLIN,
    "2001:db8:2:3::1": ClientPlace("ZA", *CENTRES["ZA"]),
    "2001:db8:2:4::1": BERLIN,
    "2001:db7:ffff::": NOWHERE,
    "2401::1": ClientPlace("AU", *CENTRES["AU"]),
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff": NOWHERE,
}


def _random_rows(chance: random.Random, contents: Sequence[Any], version: int) -> Rows:
    rows: dict[str, Any] = {}
    for _ in range(150):
        size = 32 if version == 4 or chance.random() < 0.5 else 128
        number = chance.choice([0xC0000200, chance.getrandbits(32)]) if size == 32 else chance.choice(
            [0x20010DB8 << 96, chance.getrandbits(128), 0x2001_0DB8_0000_0001 << 64]
        )  # fmt: skip
        number ^= chance.getrandbits(chance.choice([8, 40]) if size == 128 else 8)
        length = chance.randint(8, 32) if size == 32 else chance.choice([12, 32, 48, 56, 63, 64])
        kind = ipaddress.IPv4Network if size == 32 else ipaddress.IPv6Network
        network = kind((number, length), strict=False)
        if size == 128 and network.overlaps(ipaddress.IPv6Network("::/64")):
            continue  # the IPv4 part of the tree
        rows[str(network)] = chance.choice(contents)
    return dict(sorted(rows.items(), key=lambda row: int(row[0].partition("/")[2])))  # the narrower ones on top


def _addresses(chance: random.Random, rows: Rows) -> list[bytes]:
    found = [chance.randbytes(4) for _ in range(200)] + [chance.randbytes(16) for _ in range(200)]
    for text in rows:
        network = ipaddress.ip_network(text)
        for number in (int(network[0]) - 1, int(network[0]), int(network[-1]), int(network[-1]) + 1):
            bits = network.max_prefixlen
            number %= 1 << bits
            # The table keeps IPv6 by the upper 64 bits, so any address of a /64 will do.
            found.append((number if bits == 32 else number >> 64 << 64).to_bytes(bits // 8, "big"))
    return [address for address in map(unmapped, found) if unwrapped(address) == address]


def _expected_place(record: Mapping[str, Any] | None) -> ClientPlace:
    """What the service takes of a record, written anew from the description of the layout."""
    record = record or {}
    country = (record.get("country") or {}).get("iso_code") or (record.get("registered_country") or {}).get("iso_code")
    location = record.get("location") or {}
    latitude, longitude = location.get("latitude"), location.get("longitude")
    if latitude is not None and longitude is not None and location.get("accuracy_radius", 0) <= 300:
        longitude = 180 if round(longitude) == -180 else round(longitude)
        return ClientPlace(country, float(round(latitude)), float(longitude), True)
    return ClientPlace(country, *CENTRES[country]) if country in CENTRES else NOWHERE


def _looked_up(reader: maxminddb.Reader, address: bytes) -> Mapping[str, Any] | None:
    if len(address) == 16 and reader.metadata().ip_version == 4:
        return None
    found = reader.get(ipaddress.ip_address(address))
    assert found is None or isinstance(found, dict)
    return found


_CONTENTS = [
    _city("DE", 52.52, 13.4),
    _city("DE", 48.14, 11.58),
    _city("FR", 48.86, 2.35, 300),
    _city("FR", 48.86, 2.35, 301),
    _city("FJ", -17.7, -179.8),
    _city("FJ", -17.7, 179.8),
    _city(None, 10.0, 20.0),
    _city("ZZ", 0.3, -0.3),
    {"country": {"iso_code": "ZZ"}},
    {"country": {"iso_code": "US"}, "location": {"latitude": 40.0}},
    {"registered_country": {"iso_code": "AU"}},
    {"country": {"iso_code": "JP"}, "registered_country": {"iso_code": "AU"}},
    {"continent": {"code": "AS"}},
    {},
]


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("seed", range(6))
def test_places_are_those_that_its_own_reader_looks_up(tmp_path: Path, version: int, seed: int) -> None:
    chance = random.Random(seed)
    rows = _random_rows(chance, _CONTENTS, version)
    path = _write(tmp_path / "c.mmdb", "GeoIP2-City", rows, version=version)
    found = _read(path)
    with maxminddb.open_database(path) as reader:
        for address in _addresses(chance, rows):
            expected = _expected_place(_looked_up(reader, address))
            assert found.places[found.located.at(address)] == expected, ipaddress.ip_address(address)


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("kind", ["GeoLite2-ASN", "GeoIP2-ISP", "GeoIP2-Enterprise"])
def test_asns_are_those_that_its_own_reader_looks_up(tmp_path: Path, kind: str, version: int) -> None:
    chance = random.Random(kind)
    numbers = [_asn(number) for number in (1, 64500, 64501, 65_536, 4_294_967_294)]
    contents = [*numbers, {"autonomous_system_organization": "Nobody"}, {}]
    if kind == "GeoIP2-Enterprise":
        contents = [{"traits": content, **_city("DE", 52.5, 13.4)} for content in contents]
    rows = _random_rows(chance, contents, version)
    path = _write(tmp_path / "a.mmdb", kind, rows, version=version)
    found = _read(path)
    with maxminddb.open_database(path) as reader:
        for address in _addresses(chance, rows):
            record = _looked_up(reader, address) or {}
            record = record.get("traits", {}) if kind == "GeoIP2-Enterprise" else record
            expected = record.get("autonomous_system_number", 0)
            assert found.asns.at(address) == expected, ipaddress.ip_address(address)


def test_countries_are_those_that_geoip2_looks_up(tmp_path: Path) -> None:
    chance = random.Random(3)
    contents = [{"country": {"iso_code": code}, "continent": {"code": "EU"}} for code in (*CENTRES, "ZZ")]
    rows = _random_rows(chance, [*contents, {"registered_country": {"iso_code": "DE"}}, {}], 6)
    path = _write(tmp_path / "c.mmdb", "GeoLite2-Country", rows)
    found = _read(path)
    with geoip2.database.Reader(path) as reader:
        for address in _addresses(chance, rows):
            try:
                answer = reader.country(str(ipaddress.ip_address(address)))
            except geoip2.errors.AddressNotFoundError:
                expected = None
            else:
                expected = answer.country.iso_code or answer.registered_country.iso_code
            known = expected if expected in CENTRES else None
            assert found.places[found.located.at(address)].country == known


@pytest.mark.slow
@pytest.mark.parametrize(("size", "padding"), [(24, 0), (28, 18), (32, 280)])
def test_every_record_size_is_read(tmp_path: Path, size: int, padding: int) -> None:
    path = _write(tmp_path / "c.mmdb", "GeoLite2-City", CITY, padding=padding)
    with maxminddb.open_database(path) as reader:
        assert reader.metadata().record_size == size
    assert {text: _place(_read(path), text) for text in PLACE_OF} == PLACE_OF


def test_a_part_of_the_tree_above_ipv4_does_not_hide_equal_records_elsewhere(tmp_path: Path) -> None:
    """The IPv4 part may end above its root, at a record that other networks have too."""
    writer = MMDBWriter(6, "GeoLite2-Country", languages=["en"])
    for network in ("::/32", "2001:db8::/32"):
        writer.insert_network(IPSet([network]), GERMANY)
    writer.to_db_file(str(tmp_path / "c.mmdb"))
    found = _read(str(tmp_path / "c.mmdb"))
    germany = ClientPlace("DE", *CENTRES["DE"])
    assert {text: _place(found, text) for text in ("2001:db8::1", "192.0.2.1", "::1", "2400::1")} == {
        "2001:db8::1": germany,
        "192.0.2.1": germany,
        "::1": germany,
        "2400::1": NOWHERE,
    }


def test_a_database_that_knows_the_whole_space_is_read(tmp_path: Path) -> None:
    path = _write(tmp_path / "c.mmdb", "Country", dict.fromkeys(["0.0.0.0/1", "128.0.0.0/1"], GERMANY), version=4)
    found = _read(path)
    assert (_place(found, "0.0.0.0").country, _place(found, "255.255.255.255").country) == ("DE", "DE")
    assert _place(found, "2001:db8::1") == NOWHERE


def test_for_each_field_the_first_database_that_has_a_value_counts(tmp_path: Path) -> None:
    one = _write(tmp_path / "1.mmdb", "City", {"192.0.2.0/25": _city("DE", 52.52, 13.4)})
    two = _write(tmp_path / "2.mmdb", "City", {"192.0.2.0/24": _city("FR", 48.86, 2.35)})
    three = _write(tmp_path / "3.mmdb", "GeoLite2-ASN", ASNS)
    four = _write(tmp_path / "4.mmdb", "GeoLite2-ASN", {"192.0.2.0/24": _asn(1), "203.0.113.0/24": _asn(2)})
    paris = ClientPlace("FR", 49.0, 2.0, True)
    for order, first_half in (((one, two, three, four), BERLIN), ((two, three, one, four), paris)):
        found = _read(*order)
        assert _place(found, "192.0.2.1") == first_half
        assert _place(found, "192.0.2.200") == paris
        asns = [found.asns.at(_address(text)) for text in ("192.0.2.1", "203.0.113.1", "2001:db8::1", "198.51.100.200")]
        assert asns == [64500, 2, 64501, 0]


def test_a_pair_of_files_one_for_each_family_is_one_database(tmp_path: Path) -> None:
    four = _write(tmp_path / "4.mmdb", "City", {n: c for n, c in CITY.items() if ":" not in n}, version=4)
    writer = MMDBWriter(6, "City", languages=["en"])
    for network, content in CITY.items():
        if ":" in network:
            writer.insert_network(IPSet([network]), content)
    writer.to_db_file(str(tmp_path / "6.mmdb"))
    for order in ((four, str(tmp_path / "6.mmdb")), (str(tmp_path / "6.mmdb"), four)):
        found = _read(*order)
        assert {text: _place(found, text) for text in PLACE_OF} == PLACE_OF


def test_no_databases_know_nothing() -> None:
    found = _read()
    assert (_place(found, "192.0.2.1"), found.asns.at(_address("2001:db8::1")), found.places) == (NOWHERE, 0, PLACES)


@pytest.mark.parametrize(
    ("record", "place"),
    [
        (_city("DE", 91.0, 13.4), ClientPlace("DE", *CENTRES["DE"])),
        (_city("DE", 52.5, -180.5), ClientPlace("DE", *CENTRES["DE"])),
        (_city("DE", 52.5, 1e300), ClientPlace("DE", *CENTRES["DE"])),
        (_city("DE", float("nan"), 13.4), ClientPlace("DE", *CENTRES["DE"])),
        (_city("DE", float("inf"), 13.4), ClientPlace("DE", *CENTRES["DE"])),
        (_city("DE", "52.52", "13.4"), BERLIN),
        (_city("DE", "north", "13.4"), ClientPlace("DE", *CENTRES["DE"])),
        (_city("DE", "", ""), ClientPlace("DE", *CENTRES["DE"])),
        (_city("DE", [52.5], {"a": 1}), ClientPlace("DE", *CENTRES["DE"])),
        (_city("DE", 52.52, 13.4, "20"), BERLIN),
        (_city("DE", -90, 180), ClientPlace("DE", -90.0, 180.0, True)),
        (_city(None, 91.0, 13.4), NOWHERE),
        ({"country": {"iso_code": ""}}, NOWHERE),
        ({"country": {"iso_code": 276}}, NOWHERE),
        ({"country": {"iso_code": ["DE"]}}, NOWHERE),
        ({"country": {"iso_code": {"a": "DE"}}}, NOWHERE),
        ({"country": {"iso_code": True}}, NOWHERE),
        ({"country": {"iso_code": "Germany"}}, NOWHERE),
        ({"country": {"iso_code": 276}, "registered_country": {"iso_code": "FR"}}, ClientPlace("FR", *CENTRES["FR"])),
        ({"country": {"iso_code": "DE"}, "location": {}}, ClientPlace("DE", *CENTRES["DE"])),
        ({"country": {"iso_code": "DE"}, "city": {}}, ClientPlace("DE", *CENTRES["DE"])),
        ({"country": {}}, NOWHERE),
        ({"location": {"latitude": 52.52, "longitude": 13.4}}, ClientPlace(None, 53.0, 13.0, True)),
        ({}, NOWHERE),
    ],
)
def test_an_odd_record_gives_what_can_be_used_of_it(tmp_path: Path, record: Any, place: ClientPlace) -> None:
    rows = {"192.0.2.0/24": record, "198.51.100.0/24": _city("FR", 48.86, 2.35)}
    found = _read(_write(tmp_path / "c.mmdb", "City", rows))
    assert _place(found, "192.0.2.1") == place
    assert _place(found, "198.51.100.1") == ClientPlace("FR", 49.0, 2.0, True)


@pytest.mark.parametrize("number", [0, -1, 2**32 - 1, 2**32, 2**64, "AS", "ASN64500", 1.5, [64500], True])
def test_what_is_no_asn_is_none(tmp_path: Path, number: Any) -> None:
    found = _read(
        _write(tmp_path / "a.mmdb", "GeoLite2-ASN", {"192.0.2.0/24": _asn(number), "198.51.100.0/24": _asn(64500)})
    )
    assert [found.asns.at(_address(text)) for text in ("192.0.2.1", "198.51.100.1")] == [0, 64500]


@pytest.mark.parametrize("record", ["DE", 5, [1, 2], {"country": "DE"}, {"location": [52.5, 13.4]}])
def test_a_record_of_another_kind_makes_the_file_refused(tmp_path: Path, record: Any) -> None:
    _refused(_write(tmp_path / "c.mmdb", "City", {"192.0.2.0/24": record}))


def _refused(path: str) -> str:
    with pytest.raises(GeoDatabaseError) as caught:
        _read(path)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value).removeprefix(f"{path}: ")


def test_a_missing_file_or_a_directory_is_told(tmp_path: Path) -> None:
    assert _refused(str(tmp_path / "no.mmdb")) == "No such file or directory"
    _refused(str(tmp_path))


@pytest.mark.parametrize(
    "data", [b"", b"x", bytes(100_000), b"\xab\xcd\xefMaxMind.com", b"<html></html>", b"{}" * 70_000]
)
def test_what_is_no_database_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "g.mmdb").write_bytes(data)
    _refused(str(tmp_path / "g.mmdb"))


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "g.mmdb", "GeoIP2-Connection-Type", {"192.0.2.0/24": {"connection_type": "Dialup"}})
    assert _refused(path) == "type 'GeoIP2-Connection-Type' holds neither places nor ASNs"


def test_a_truncated_database_is_refused_or_its_end_was_not_needed(tmp_path: Path) -> None:
    whole = Path(_write(tmp_path / "g.mmdb", "GeoLite2-City", CITY)).read_bytes()
    path = tmp_path / "t.mmdb"
    for length in range(0, len(whole), 61):
        path.write_bytes(whole[:length])
        _refused(str(path))


def test_a_fine_database_is_the_same_from_a_process_of_its_own(tmp_path: Path) -> None:
    path = Path(_write(tmp_path / "g.mmdb", "GeoLite2-City", CITY))
    found = merged([compiled(path)], PLACES, NUMBERS)
    assert {text: _place(found, text) for text in PLACE_OF} == PLACE_OF


def test_a_record_that_ends_the_process_of_its_reader_is_refused(tmp_path: Path) -> None:
    """maxminddb's C reader takes a mapping's key for text whatever it is, and reads where there is no memory."""
    whole = Path(_write(tmp_path / "g.mmdb", "GeoLite2-City", CITY)).read_bytes()
    assert whole.count(b"\x44city") == 1, "the key stands there once"
    path = tmp_path / "d.mmdb"
    path.write_bytes(whole.replace(b"\x44city", b"\xc4city"))  # a number of four bytes
    with pytest.raises(GeoDatabaseError, match="its reader broke down") as caught:
        compiled(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.slow
def test_random_damage_is_refused_or_read_and_nothing_else_happens(tmp_path: Path) -> None:
    whole = Path(_write(tmp_path / "g.mmdb", "GeoLite2-City", CITY)).read_bytes()
    chance = random.Random(11)
    path = tmp_path / "d.mmdb"
    refused = 0
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(chance.choice([1, 1, 4, 30])):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data)
        try:
            found = compiled(path)
        except GeoDatabaseError as error:
            assert str(error).startswith(f"{path}: ")
            refused += 1
        else:
            assert max(found.located.ids4) < len(found.places) > max(found.located.ids6)
            assert {type(place.country) for place in found.places} <= {str, type(None)}
            assert found.located.starts4[0] == found.located.starts6[0] == 0
    assert 10 < refused < 60


def test_a_tree_that_leads_back_to_itself_is_refused_or_ends(tmp_path: Path) -> None:
    whole = bytearray(Path(_write(tmp_path / "g.mmdb", "GeoLite2-City", CITY)).read_bytes())
    for node in (0, 1, 5):
        data = whole.copy()
        data[node * 6 : node * 6 + 6] = bytes(6)
        (tmp_path / "l.mmdb").write_bytes(data)
        _refused(str(tmp_path / "l.mmdb"))


_needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"the sample databases are not in {SAMPLES}")


@_needs_samples
@pytest.mark.parametrize("name", ["GeoIP2-City-Test-Broken-Double-Format", "GeoIP2-City-Test-Invalid-Node-Count"])
def test_the_broken_samples_are_refused(name: str) -> None:
    _refused(str(SAMPLES / f"{name}.mmdb"))


@_needs_samples
@pytest.mark.parametrize(
    "name",
    [
        "GeoIP2-City-Test",
        "GeoLite2-City-Test",
        "GeoIP2-Country-Test",
        "GeoLite2-Country-Test",
        "GeoIP2-Enterprise-Test",
    ],
)
def test_the_samples_place_addresses_as_their_own_reader(name: str) -> None:
    path = str(SAMPLES / f"{name}.mmdb")
    found = _read(path)
    with maxminddb.open_database(path) as reader:
        rows = {str(network): record for network, record in reader}
        assert len(rows) > 30
        for address in _addresses(random.Random(1), rows):
            if len(address) == 16 and int.from_bytes(address, "big") >> 64 == 0:
                continue  # the IPv4 part of the tree
            expected = _expected_place(_looked_up(reader, address))
            assert found.places[found.located.at(address)] == expected, ipaddress.ip_address(address)


@_needs_samples
@pytest.mark.parametrize("name", ["GeoLite2-ASN-Test", "GeoIP2-ISP-Test"])
def test_the_samples_give_the_asns_of_their_own_reader(name: str) -> None:
    path = str(SAMPLES / f"{name}.mmdb")
    found = _read(path)
    with maxminddb.open_database(path) as reader:
        rows = {str(network): record for network, record in reader}
        assert len(rows) > 100
        for address in _addresses(random.Random(1), rows):
            if len(address) == 16 and int.from_bytes(address, "big") >> 64 == 0:
                continue
            record = _looked_up(reader, address) or {}
            assert found.asns.at(address) == record.get("autonomous_system_number", 0), ipaddress.ip_address(address)
