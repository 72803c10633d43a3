"""The schema refuses what it should, rule by rule, and says so in words that help."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from mirrorlist.sources.yaml.documents import Document
from mirrorlist.sources.yaml.reader import read_yaml
from mirrorlist.sources.yaml.schemas import load_schema, refused, with_booleans

SCHEMA = load_schema("mirror")
WEB = {"http": "http://a.example/"}
BASE: dict[str, Any] = {"name": "a.example", "address": WEB}
GONE = object()


def changed(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in (BASE | changes).items() if value is not GONE}


P = "properties"
ADDRESSES, COUNTRIES = "$defs/addresses", "$defs/countries"
PLACE = "properties/geolocation/properties"

REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("type", {}),  # made a list below: a mirror that is no mapping
    ("additionalProperties", {"nickname": "x"}),
    ("required/name", {"name": GONE}),
    ("anyOf", {"address": GONE}),
    ("anyOf/0/required/address", {"address": GONE}),
    ("anyOf/1/required/address_optional", {"address": GONE}),
    ("dependentRequired/cloud_type", {"cloud_type": "aws"}),
    ("dependentRequired/cloud_regions", {"cloud_regions": ["eu-1"]}),
    ("then/required/private", {"monopoly": True}),
    ("then/properties/private/const", {"monopoly": True, "private": False}),
    (f"{P}/name/type", {"name": 5}),
    (f"{P}/name/maxLength", {"name": "a" * 254}),
    (f"{P}/name/pattern", {"name": "A.example"}),
    (f"{P}/name/pattern", {"name": "a..example"}),
    (f"{P}/name/pattern", {"name": "../a"}),
    (f"{P}/address_optional/type", {"address_optional": "kitten"}),
    (f"{P}/address_optional/minProperties", {"address_optional": {}}),
    (f"{P}/address_optional/propertyNames/pattern", {"address_optional": {"../x": WEB}}),
    (f"{ADDRESSES}/type", {"address": "http://a.example/"}),
    (f"{ADDRESSES}/type", {"address_optional": {"kitten": None}}),
    (f"{ADDRESSES}/additionalProperties", {"address": WEB | {"gopher": "gopher://a.example/"}}),
    (f"{ADDRESSES}/anyOf", {"address": {"ftp": "ftp://a.example/"}}),
    (f"{ADDRESSES}/anyOf", {"address_optional": {"kitten": {"rsync": "rsync://a.example/k/"}}}),
    (f"{ADDRESSES}/anyOf/0/required/http", {"address": {}}),
    (f"{ADDRESSES}/anyOf/1/required/https", {"address": {}}),
    *(
        (f"{ADDRESSES}/{P}/{protocol}/{rule}", {"address": WEB | {protocol: value}})
        for protocol in ("http", "https", "rsync", "ftp")
        for rule, value in [
            ("type", 1),
            ("maxLength", f"{protocol}://a.example/" + "x" * 1024),
            ("pattern", "gopher://a.example/"),
            ("pattern", f"{protocol}://user@a.example/"),
            ("pattern", f"{protocol}://a.example/?x"),
            ("pattern", f"{protocol}://a.example/$basearch/"),
            ("pattern", f"{protocol}://a.example/a b/"),
            ("pattern", f"{protocol}:///x/"),
        ]
    ),
    (f"{P}/update_frequency/type", {"update_frequency": 3}),
    (f"{P}/update_frequency/pattern", {"update_frequency": "sometimes"}),
    (f"{P}/update_frequency/pattern", {"update_frequency": "0h"}),
    (f"{P}/sponsor/type", {"sponsor": ["x"]}),
    (f"{P}/sponsor/minLength", {"sponsor": ""}),
    (f"{P}/sponsor/maxLength", {"sponsor": "x" * 201}),
    (f"{P}/sponsor_url/type", {"sponsor_url": True}),
    (f"{P}/sponsor_url/maxLength", {"sponsor_url": "https://a.example/" + "x" * 1024}),
    (f"{P}/sponsor_url/pattern", {"sponsor_url": "javascript:alert(1)"}),
    (f"{P}/email/type", {"email": {"a": 1}}),
    (f"{P}/email/maxLength", {"email": "a@" + "b" * 254}),
    (f"{P}/email/pattern", {"email": "nobody"}),
    (f"{P}/geolocation/type", {"geolocation": "Norway"}),
    (f"{P}/geolocation/additionalProperties", {"geolocation": {"asn": 5}}),
    (f"{P}/geolocation/dependentRequired/latitude", {"geolocation": {"latitude": 1}}),
    (f"{P}/geolocation/dependentRequired/longitude", {"geolocation": {"longitude": 1}}),
    (f"{PLACE}/continent/type", {"geolocation": {"continent": False}}),
    (f"{PLACE}/continent/enum", {"geolocation": {"continent": "Europe"}}),
    (f"{PLACE}/country/type", {"geolocation": {"country": False}}),
    (f"{PLACE}/country/pattern", {"geolocation": {"country": "Norway"}}),
    (f"{PLACE}/state_province/type", {"geolocation": {"state_province": 75}}),
    (f"{PLACE}/state_province/maxLength", {"geolocation": {"state_province": "x" * 101}}),
    (f"{PLACE}/city/type", {"geolocation": {"city": ["Bergen"]}}),
    (f"{PLACE}/city/maxLength", {"geolocation": {"city": "x" * 101}}),
    (f"{PLACE}/latitude/type", {"geolocation": {"latitude": "60N", "longitude": 5}}),
    (f"{PLACE}/latitude/minimum", {"geolocation": {"latitude": -90.1, "longitude": 5}}),
    (f"{PLACE}/latitude/maximum", {"geolocation": {"latitude": 90.1, "longitude": 5}}),
    (f"{PLACE}/longitude/type", {"geolocation": {"latitude": 60, "longitude": "5E"}}),
    (f"{PLACE}/longitude/minimum", {"geolocation": {"latitude": 60, "longitude": -180.1}}),
    (f"{PLACE}/longitude/maximum", {"geolocation": {"latitude": 60, "longitude": 180.1}}),
    (f"{PLACE}/time_zone/type", {"geolocation": {"time_zone": 2}}),
    (f"{PLACE}/time_zone/maxLength", {"geolocation": {"time_zone": "x" * 65}}),
    (f"{PLACE}/time_zone/pattern", {"geolocation": {"time_zone": "UTC +2"}}),
    (f"{P}/places/type", {"places": {"country": "NO"}}),
    (f"{P}/places/minItems", {"places": []}),
    (f"{P}/places/maxItems", {"places": [{"country": "NO"}] * 65}),
    (f"{P}/places/items/type", {"places": ["NO"]}),
    (f"{P}/places/items/additionalProperties", {"places": [{"time_zone": "Europe/Oslo"}]}),
    (f"{P}/places/items/minProperties", {"places": [{}]}),
    (f"{P}/places/items/dependentRequired/latitude", {"places": [{"latitude": 1}]}),
    (f"{P}/places/items/dependentRequired/longitude", {"places": [{"longitude": 1}]}),
    (f"{P}/global/type", {"global": "perhaps"}),
    (f"{P}/private/type", {"private": "perhaps"}),
    (f"{P}/notify/type", {"notify": "perhaps"}),
    (f"{P}/monopoly/type", {"monopoly": 1}),
    (f"{P}/subnets/anyOf", {"subnets": 5}),
    (f"{P}/subnets/anyOf/0/type", {"subnets": 5}),
    (f"{P}/subnets/anyOf/0/maxItems", {"subnets": ["192.0.2.0/24"] * 4097}),
    (f"{P}/subnets/anyOf/0/items/type", {"subnets": [10]}),
    (f"{P}/subnets/anyOf/0/items/pattern", {"subnets": ["https://a.example/subnets.json"]}),
    (f"{P}/subnets/anyOf/1/type", {"subnets": 5}),
    (f"{P}/subnets/anyOf/1/maxLength", {"subnets": "https://a.example/" + "x" * 1024}),
    (f"{P}/subnets/anyOf/1/pattern", {"subnets": "http://a.example/subnets.json"}),
    (f"{P}/asn/anyOf", {"asn": True}),
    (f"{P}/asn/anyOf/1/type", {"asn": "x"}),
    (f"{P}/asn/anyOf/1/minItems", {"asn": []}),
    (f"{P}/asn/anyOf/1/maxItems", {"asn": [1] * 1025}),
    ("$defs/asn/type", {"asn": "AS64496"}),
    ("$defs/asn/type", {"asn": [64496, None]}),
    ("$defs/asn/minimum", {"asn": 0}),
    ("$defs/asn/maximum", {"asn": 4294967296}),
    (f"{P}/cloud_type/type", {"cloud_type": 1, "cloud_regions": "all"}),
    (f"{P}/cloud_type/enum", {"cloud_type": "amazon", "cloud_regions": "all"}),
    (f"{P}/cloud_regions/anyOf", {"cloud_type": "aws", "cloud_regions": "some"}),
    (f"{P}/cloud_regions/anyOf/0/type", {"cloud_type": "aws", "cloud_regions": 5}),
    (f"{P}/cloud_regions/anyOf/0/const", {"cloud_type": "aws", "cloud_regions": "some"}),
    (f"{P}/cloud_regions/anyOf/1/type", {"cloud_type": "aws", "cloud_regions": {}}),
    (f"{P}/cloud_regions/anyOf/1/minItems", {"cloud_type": "aws", "cloud_regions": []}),
    (f"{P}/cloud_regions/anyOf/1/maxItems", {"cloud_type": "aws", "cloud_regions": ["a"] * 257}),
    (f"{P}/cloud_regions/anyOf/1/items/type", {"cloud_type": "aws", "cloud_regions": [1]}),
    (f"{P}/cloud_regions/anyOf/1/items/pattern", {"cloud_type": "aws", "cloud_regions": ["West Europe"]}),
    (f"{P}/status/type", {"status": False}),
    (f"{P}/status/enum", {"status": "off"}),
    (f"{P}/status_reason/type", {"status_reason": 5}),
    (f"{P}/status_reason/minLength", {"status_reason": ""}),
    (f"{P}/status_reason/maxLength", {"status_reason": "x" * 501}),
    ("$defs/date/type", {"status_until": 20261224}),
    ("$defs/date/pattern", {"status_until": "24.12.2026"}),
    ("$defs/date/pattern", {"live_from": "2026-13-01"}),
    (f"{P}/bandwidth_mbps/type", {"bandwidth_mbps": "10G"}),
    (f"{P}/bandwidth_mbps/minimum", {"bandwidth_mbps": 0}),
    (f"{P}/bandwidth_mbps/maximum", {"bandwidth_mbps": 10**8 + 1}),
    (f"{P}/tib_per_month/type", {"tib_per_month": "much"}),
    (f"{P}/tib_per_month/minimum", {"tib_per_month": 0}),
    (f"{P}/tib_per_month/maximum", {"tib_per_month": 1_000_001}),
    (f"{P}/off_peak_only/type", {"off_peak_only": "perhaps"}),
    (f"{P}/storage_gb/type", {"storage_gb": 0.5}),
    (f"{P}/storage_gb/minimum", {"storage_gb": -1}),
    (f"{P}/storage_gb/maximum", {"storage_gb": 10**9 + 1}),
    (f"{COUNTRIES}/type", {"countries_only": "NO"}),
    (f"{COUNTRIES}/minItems", {"countries_only": []}),
    (f"{COUNTRIES}/maxItems", {"countries_never": ["NO"] * 251}),
    (f"{COUNTRIES}/items/type", {"countries_never": [False]}),
    (f"{COUNTRIES}/items/pattern", {"countries_only": ["Norway"]}),
    (f"{P}/logo/type", {"logo": 1}),
    (f"{P}/logo/maxLength", {"logo": "x" * 128 + ".png"}),
    (f"{P}/logo/pattern", {"logo": "../a.png"}),
    (f"{P}/logo/pattern", {"logo": "a.svg"}),
    (f"{P}/sync/type", {"sync": "rsync://a.example/"}),
    (f"{P}/sync/additionalProperties", {"sync": {"form": "x"}}),
    (f"{P}/sync/minProperties", {"sync": {}}),
    (f"{P}/sync/{P}/source/type", {"sync": {"source": 1}}),
    (f"{P}/sync/{P}/source/maxLength", {"sync": {"source": "x" * 1025}}),
    (f"{P}/sync/{P}/source/pattern", {"sync": {"source": "a b"}}),
    (f"{P}/sync/{P}/from/type", {"sync": {"from": 1}}),
    (f"{P}/sync/{P}/from/maxLength", {"sync": {"from": "x" * 254}}),
    (f"{P}/sync/{P}/from/pattern", {"sync": {"from": "*"}}),
    (f"{P}/probe/type", {"probe": 30}),
    (f"{P}/probe/additionalProperties", {"probe": {"at_least": 30}}),
    (f"{P}/probe/minProperties", {"probe": {}}),
    (f"{P}/probe/{P}/at_most/type", {"probe": {"at_most": "30/m"}}),
    (f"{P}/probe/{P}/at_most/minimum", {"probe": {"at_most": 0}}),
    (f"{P}/probe/{P}/at_most/maximum", {"probe": {"at_most": 10_001}}),
    (f"{P}/contact_name/type", {"contact_name": 1}),
    (f"{P}/contact_name/minLength", {"contact_name": ""}),
    (f"{P}/contact_name/maxLength", {"contact_name": "x" * 201}),
    (f"{P}/peerings/type", {"peerings": "NIX"}),
    (f"{P}/peerings/maxItems", {"peerings": ["NIX"] * 257}),
    (f"{P}/peerings/items/type", {"peerings": [1]}),
    (f"{P}/peerings/items/minLength", {"peerings": [""]}),
    (f"{P}/peerings/items/maxLength", {"peerings": ["x" * 201]}),
    (f"{P}/agreement/type", {"agreement": 2026.01}),
    (f"{P}/agreement/minLength", {"agreement": ""}),
    (f"{P}/agreement/maxLength", {"agreement": "x" * 201}),
]

WORDS_ONLY = {"title", "description", "examples", "$schema", "$id", "$ref", "if"}
NAMED = {"properties", "$defs"}


def constraints(node: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Every rule of a schema as ``where/keyword``; of rules on several keys, one for each key."""
    for keyword, rule in node.items():
        here = f"{path}{keyword}"
        if keyword in NAMED:
            for name, child in rule.items():
                yield from constraints(child, f"{here}/{name}/")
        elif keyword in ("required", "dependentRequired"):
            yield from (f"{here}/{key}" for key in rule)
        elif keyword == "anyOf":
            yield here
            for index, child in enumerate(rule):
                yield from constraints(child, f"{here}/{index}/")
        elif isinstance(rule, Mapping):
            yield from () if keyword == "if" else constraints(rule, f"{here}/")
        elif keyword not in WORDS_ONLY and rule is not True:
            yield here


def complaints(value: object) -> set[str]:
    """Every rule of the mirror schema that the value breaks, in the words of ``constraints``."""
    rules: set[str] = set()
    waiting = list(Draft202012Validator(SCHEMA).iter_errors(value))
    while waiting:
        error = waiting.pop()
        waiting.extend(error.context or ())
        path = rule_path(error)
        rules |= {path, *(f"{path}/{key}" for key in concerned(error))}
    return rules


def rule_path(error: ValidationError) -> str:
    """Where the broken rule stands in the schema; the validator's own paths go through references."""
    node: Any = SCHEMA
    path: list[str] = []
    for step in error.absolute_schema_path:
        if isinstance(node, dict) and "$ref" in node and step not in node:
            path = str(node["$ref"]).removeprefix("#/").split("/")
            node = SCHEMA[path[0]][path[1]]
        node = node[step] if isinstance(step, int) or step in node else None
        path.append(str(step))
    return "/".join(path)


def concerned(error: ValidationError) -> list[str]:
    value: Any = error.instance
    if error.validator == "required":
        return [key for key in error.validator_value if key not in value]
    if error.validator == "dependentRequired":
        return [key for key, needs in error.validator_value.items() if key in value and set(needs) - set(value)]
    return []


@pytest.mark.parametrize(("rule", "changes"), REFUSED)
def test_each_rule_of_the_schema_refuses_its_example(rule: str, changes: dict[str, Any]) -> None:
    value: Any = [] if rule == "type" else changed(changes)

    assert rule in complaints(value)
    assert refused(Document("m.yml", value), "mirror")


def test_every_rule_of_the_schema_has_a_refused_example() -> None:
    assert set(constraints(SCHEMA)) - {rule for rule, _ in REFUSED} == set()


@pytest.mark.parametrize("changes", [{"name": "a.example\n"}, {"status_until": "2026-12-24\n"}])
def test_a_line_feed_at_the_end_fits_no_pattern(changes: dict[str, Any]) -> None:
    assert [each.code for each in refused(Document("m.yml", changed(changes)), "mirror")] == ["bad-value"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"address": GONE, "address_optional": {"kitten": {"https": "https://a.example/k/"}}},
        {"name": "xn--bcher-kva.example"},
        {"address": {"https": "https://[2001:db8::1]:8443/~x/a%20b/", "ftp": "ftp://a.example"}},
        {"subnets": []},
        {"subnets": "https://a.example/subnets.json"},
        {"asn": [1, 4294967295]},
        {"cloud_type": "oci", "cloud_regions": "all"},
        {"monopoly": True, "private": True},
        {"monopoly": False},
        {"geolocation": {"city": None, "state_province": None, "latitude": -90, "longitude": 180.0}},
        {"name": "a" * 253},
    ],
)
def test_what_is_allowed_is_accepted(changes: dict[str, Any]) -> None:
    assert refused(Document("m.yml", changed(changes)), "mirror") == []


def subschemas(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from subschemas(child)


def test_the_schema_can_be_read_by_people_and_needs_no_other_file() -> None:
    properties = [each for node in subschemas(SCHEMA) for each in node.get("properties", {}).items()]
    asked = {"private", "monopoly"}  # in "if" and "then" these are conditions, not descriptions

    bare = {name for name, rule in properties if not {"title", "description"} <= rule.keys()} - asked
    assert bare == set()
    assert all(str(node["$ref"]).startswith("#/") for node in subschemas(SCHEMA) if "$ref" in node)
    assert SCHEMA["$id"] == "https://mirrorlist.example.org/schemas/mirror.json"


def test_every_mapping_of_the_schema_is_closed() -> None:
    mappings = [node for node in subschemas(SCHEMA) if node.get("type") == "object"]

    assert len(mappings) == 7
    assert all(isinstance(node["additionalProperties"], bool | dict) for node in mappings)
    assert not any(node["additionalProperties"] is True for node in mappings)


def test_yes_and_no_are_booleans_only_where_a_boolean_is_wanted() -> None:
    document = with_booleans(read_yaml(b"private: Yes\nmonopoly: 'off'\nsponsor: on\nasn: [no]\n", "m.yml"), "mirror")

    assert document.root == {"private": True, "monopoly": False, "sponsor": "on", "asn": ["no"]}


def test_of_very_many_faults_only_some_are_told() -> None:
    for key in ("peerings", "asn"):
        assert len(refused(Document("m.yml", changed({key: [""] * 250})), "mirror")) == 100
