""""""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorlist.core.catalogue.catalogue import Catalogue, Image, target
from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.catalogue.service import (
    GeoSources,
    Link,
    Module,
    NetworkOverride,
    Profile,
    PublishedImage,
    Service,
    Site,
    SyncPolicy,
    SyncSource,
    SyncSources,
    Vantage,
)
from mirrorlist.core.catalogue.trees import Keeps, MetadataFrom, RedirectTree
from mirrorlist.core.content import ContentKind
from mirrorlist.core.errors import Finding, NotFound, ServiceFileError, Severity
from mirrorlist.core.model import Location, Protocol, ReachPair, Repository
from mirrorlist.core.network.prefixes import parse_prefix
from mirrorlist.sources.geo.records import CITY_PRECISION_KM
from mirrorlist.sources.places.gazetteer import city_of
from mirrorlist.sources.service.catalogue_checks import CATALOGUE_CHECKS, WHOLE_CATALOGUE_CHECKS
from mirrorlist.sources.service.checks import CHECKS
from mirrorlist.sources.service.file import MAX_BYTES, read_service
from mirrorlist.sources.service.text import ServiceCode
from tests.sources.channel_examples import CHANNEL_BY_SCHEMA
from tests.sources.notify_examples import NOTIFY_BY_CHECK, NOTIFY_BY_SCHEMA
from tests.sources.sync_examples import SYNC_BY_CHECK, SYNC_BY_SCHEMA

ROOT = Path(__file__).resolve().parents[3]
ALMALINUX = ROOT.parent / "shared" / "data" / "almalinux" / "config.yml"

VANTAGE_KEY = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

SMALL = """\
versions: ["9"]
arches: {"9": [x86_64]}
repos:
  - name: baseos
    path: BaseOS/$basearch/os/
"""
"""The shortest service file; it has five lines."""

LARGE = """\
versions: ["9", "9.8", "10", "10.2"]
duplicated_versions:
  "9": "9.8"
  "10": "10.2"
optional_module_versions: {kitten: ["10"]}
vault_versions: ["9.7", "9.8-beta"]
vault_mirror: https://vault.example.org/linux
arches:
  "9": [x86_64, aarch64]
  "10": [x86_64]
  "10-kitten": [x86_64]
repos:
  - {name: baseos, path: BaseOS/$basearch/os/}
  - {name: crb, path: CRB/$basearch/os/, versions: ["9.8"], arches: [aarch64]}
  - {name: baseos-source, path: BaseOS/Source/, vault: true}
"""
"""A file with something for every check of the catalogue; it has 15 lines."""

BOTH = {"small": SMALL, "large": LARGE}


def read(tmp_path: Path, text: str | bytes) -> tuple[Service, tuple[Finding, ...]]:
    path = tmp_path / "service.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_service(path, city_of=city_of)


def refused(tmp_path: Path, text: str | bytes) -> list[str]:
    """What is said of a refused file, without its directory."""
    with pytest.raises(ServiceFileError) as caught:
        read(tmp_path, text)
    return [str(finding).removeprefix(f"{tmp_path}/") for finding in caught.value.findings]


REFUSED_BY_SCHEMA: dict[str, tuple[str, str, str]] = {
    # The rule: what is added to the small file or replaced in it, where the fault is, and what is said.
    "type": ("[]\n", "1:1", "not-a-mapping] the file is a list"),
    "required": ("name: Linux\n", "1:1", "missing-key] the file has no 'versions'; add it"),
    "additionalProperties": ("+polcy: {}\n", "6:1", "polcy is not a known key; did you mean 'policy'?"),
    "config_version/const": ("+config_version: 2\n", "6:17", "config_version is 2; write 3"),
    "name/type": ("+name: 5\n", "6:7", "name is 5; put it in quotes"),
    "name/minLength": ("+name: ''\n", "6:7", "name is '' with 0 characters; write at least 1"),
    "name/maxLength": (f"+name: {'x' * 101}\n", "6:7", "with 101 characters; write at most 100"),
    "url/type": ("+url: []\n", "6:6", "url is a list; write text"),
    "url/maxLength": (f"+url: https://x/{'x' * 500}\n", "6:6", "with 510 characters; write at most 500"),
    "url/pattern": ("+url: javascript:alert(1)\n", "6:6", "write it as in 'https://example.org/'"),
    "allowed_outdate/type": ("+allowed_outdate: 12\n", "6:18", "allowed_outdate is 12; put it in quotes"),
    "allowed_outdate/pattern": ("+allowed_outdate: 12 hours\n", "6:18", "is '12 hours'; write it as in '30m'"),
    "mirrors_dir/type": ("+mirrors_dir: 1\n", "6:14", "mirrors_dir is 1; put it in quotes"),
    "mirrors_dir/minLength": ("+mirrors_dir: ''\n", "6:14", "with 0 characters; write at least 1"),
    "mirrors_dir/maxLength": (f"+mirrors_dir: {'x' * 1001}\n", "6:14", "write at most 1000"),
    "mirrors_dir/pattern": ('+mirrors_dir: "a\\tb"\n', "6:14", "is 'a\\tb'; write it as in '/srv/linux'"),
    "state_dir/type": ("+state_dir: true\n", "6:12", "state_dir is true; put it in quotes"),
    "state_dir/minLength": ("+state_dir: ''\n", "6:12", "with 0 characters; write at least 1"),
    "state_dir/maxLength": (f"+state_dir: {'x' * 1001}\n", "6:12", "write at most 1000"),
    "state_dir/pattern": ('+state_dir: "a\\nb"\n', "6:12", "is 'a\\nb'; write it as in '/srv/linux'"),
    "versions/type": ('=["9"]=9', "1:11", "versions is 9; write a list"),
    "versions/minItems": ('=["9"]=[]', "1:11", "versions is a list with 0 entries; write at least 1"),
    "versions/uniqueItems": ('=["9"]=["9", "9"]', "1:11", "versions names something twice; name it once"),
    "versions/items/type": ('=["9"]=[9.8]', "1:12", "versions[0] is 9.8; put it in quotes"),
    "versions/items/maxLength": (f'=["9"]=["{"9" * 41}"]', "1:12", "write at most 40"),
    "versions/items/pattern": ('=["9"]=["9", ../9]', "1:17", "is '../9'; write it as in '9' or '9.8'"),
    "duplicated_versions/type": ("+duplicated_versions: []\n", "6:22", "is a list; write keys and values"),
    "duplicated_versions/propertyNames/type": ("", "", ""),
    "duplicated_versions/propertyNames/maxLength": (
        f"+duplicated_versions: {{{'9' * 41}: '9'}}\n",
        "6:23",
        "write it as in '9' or '9.8'",
    ),
    "duplicated_versions/propertyNames/pattern": (
        "+duplicated_versions: {'9 ': '9'}\n",
        "6:23",
        "duplicated_versions has the key '9 '; write it as in '9' or '9.8'",
    ),
    "duplicated_versions/additionalProperties/type": (
        "+duplicated_versions: {9: 8.10}\n",
        "6:26",
        "duplicated_versions.9 is 8.1; put it in quotes",
    ),
    "duplicated_versions/additionalProperties/maxLength": (
        f"+duplicated_versions: {{'9': '{'9' * 41}'}}\n",
        "6:28",
        "write at most 40",
    ),
    "duplicated_versions/additionalProperties/pattern": (
        "+duplicated_versions: {'9': '9/8'}\n",
        "6:28",
        "is '9/8'; write it as in '9' or '9.8'",
    ),
    "optional_module_versions/type": ("+optional_module_versions: x\n", "6:27", "write keys and values"),
    "optional_module_versions/propertyNames/type": ("", "", ""),
    "optional_module_versions/propertyNames/maxLength": (
        f"+optional_module_versions: {{{'k' * 41}: ['10']}}\n",
        "6:28",
        "write it as in 'kitten'",
    ),
    "optional_module_versions/propertyNames/pattern": (
        "+optional_module_versions: {my-cat: ['10']}\n",
        "6:28",
        "has the key 'my-cat'; write it as in 'kitten'",
    ),
    "optional_module_versions/additionalProperties/type": (
        "+optional_module_versions: {kitten: '10'}\n",
        "6:36",
        "optional_module_versions.kitten is '10'; write a list",
    ),
    "optional_module_versions/additionalProperties/minItems": (
        "+optional_module_versions: {kitten: []}\n",
        "6:36",
        "is a list with 0 entries; write at least 1",
    ),
    "optional_module_versions/additionalProperties/uniqueItems": (
        "+optional_module_versions: {kitten: ['10', '10']}\n",
        "6:36",
        "names something twice",
    ),
    "optional_module_versions/additionalProperties/items/type": (
        "+optional_module_versions: {kitten: [10]}\n",
        "6:37",
        "optional_module_versions.kitten[0] is 10; put it in quotes",
    ),
    "optional_module_versions/additionalProperties/items/maxLength": (
        f"+optional_module_versions: {{kitten: ['{'1' * 41}']}}\n",
        "6:37",
        "write at most 40",
    ),
    "optional_module_versions/additionalProperties/items/pattern": (
        "+optional_module_versions: {kitten: ['-1']}\n",
        "6:37",
        "is '-1'; write it as in '9' or '9.8'",
    ),
    "vault_versions/type": ("+vault_versions: '8'\n", "6:17", "vault_versions is '8'; write a list"),
    "vault_versions/uniqueItems": ("+vault_versions: ['8', '8']\n", "6:17", "names something twice"),
    "vault_versions/items/type": ("+vault_versions: [8.3]\n", "6:18", "is 8.3; put it in quotes"),
    "vault_versions/items/maxLength": (f"+vault_versions: ['{'8' * 41}']\n", "6:18", "write at most 40"),
    "vault_versions/items/pattern": ("+vault_versions: ['8%']\n", "6:18", "is '8%'; write it as in '9'"),
    "vault_mirror/anyOf": ("+vault_mirror: {}\n", "6:15", "vault_mirror is a mapping; write text or a list"),
    "vault_mirror/anyOf/0/type": ("+vault_mirror: 5\n", "6:15", "vault_mirror is 5; put it in quotes"),
    "vault_mirror/anyOf/0/maxLength": (f"+vault_mirror: https://x/{'x' * 500}\n", "6:15", "write at most 500"),
    "vault_mirror/anyOf/0/pattern": (
        "+vault_mirror: rsync://vault.example.org/\n",
        "6:15",
        "write it as in 'https://mirror.example.org/linux/', or a list",
    ),
    "vault_mirror/anyOf/1/type": ("+vault_mirror: true\n", "6:15", "vault_mirror is true; put it in quotes"),
    "vault_mirror/anyOf/1/minItems": ("+vault_mirror: []\n", "6:15", "with 0 entries; write at least 1"),
    "vault_mirror/anyOf/1/uniqueItems": (
        "+vault_mirror: ['https://a.example/', 'https://a.example/']\n",
        "6:15",
        "vault_mirror names something twice",
    ),
    "vault_mirror/anyOf/1/items/type": ("+vault_mirror: [5]\n", "6:16", "is 5; put it in quotes"),
    "vault_mirror/anyOf/1/items/maxLength": (
        f"+vault_mirror: ['https://x/{'x' * 500}']\n",
        "6:16",
        "write at most 500",
    ),
    "vault_mirror/anyOf/1/items/pattern": ("+vault_mirror: [/srv]\n", "6:16", "vault_mirror[0] is '/srv'"),
    "arches/type": ('={"9": [x86_64]}=[x86_64]', "2:9", "arches is a list; write keys and values"),
    "arches/minProperties": ('={"9": [x86_64]}={}', "2:9", "with 0 keys; write at least 1"),
    "arches/propertyNames/type": ("", "", ""),
    "arches/propertyNames/maxLength": (f'={{"9"={{"9": [a], "{"9" * 41}"', "2:20", "has the key"),
    "arches/propertyNames/pattern": ('={"9"={"9/"', "2:10", "arches has the key '9/'; write it as in '9'"),
    "arches/additionalProperties/type": ("=[x86_64]=x86_64", "2:15", "arches.9 is 'x86_64'; write a list"),
    "arches/additionalProperties/minItems": ("=[x86_64]=[]", "2:15", "with 0 entries; write at least 1"),
    "arches/additionalProperties/uniqueItems": ("=[x86_64]=[arm, arm]", "2:15", "names something twice"),
    "arches/additionalProperties/items/type": ("=[x86_64]=[64]", "2:16", "arches.9[0] is 64; put it in quotes"),
    "arches/additionalProperties/items/maxLength": (f"=[x86_64]=[{'x' * 41}]", "2:16", "write at most 40"),
    "arches/additionalProperties/items/pattern": ("=[x86_64]=[x86 64]", "2:16", "write it as in 'x86_64'"),
    "required_protocols/type": ("+required_protocols: http\n", "6:21", "is 'http'; write a list"),
    "required_protocols/minItems": ("+required_protocols: []\n", "6:21", "with 0 entries; write at least 1"),
    "required_protocols/uniqueItems": ("+required_protocols: [http, http]\n", "6:21", "names something twice"),
    "required_protocols/items/enum": ("+required_protocols: [ftp]\n", "6:22", "is 'ftp'; write https or http"),
    "repos/type": ("=repos:=repos: 5\nx:", "3:8", "repos is 5; write a list"),
    "repos/minItems": ("=repos:=repos: []\nx:", "3:8", "with 0 entries; write at least 1"),
    "repos/items/type": ("=repos:\n=repos:\n  - baseos\n", "4:5", "repos[0] is 'baseos'; write keys and values"),
    "repos/items/required": ("=    path: BaseOS/$basearch/os/=", "4:5", "repos[0] has no 'path'; add it"),
    "repos/items/additionalProperties": ("+    vualt: yes\n", "6:5", "repos[0].vualt is not a known key; did you"),
    "repos/items/name/type": ("=baseos=9", "4:11", "repos[0].name is 9; put it in quotes"),
    "repos/items/name/maxLength": (f"=baseos={'x' * 101}", "4:11", "write at most 100"),
    "repos/items/name/pattern": ("=baseos=base os", "4:11", "is 'base os'; write it as in 'baseos'"),
    "repos/items/path/type": ("=BaseOS/$basearch/os/=5", "5:11", "repos[0].path is 5; put it in quotes"),
    "repos/items/path/maxLength": (f"=BaseOS={'x' * 201}", "5:11", "write at most 200"),
    "repos/items/path/pattern": ("=BaseOS=Base OS", "5:11", "write it as in 'BaseOS/$basearch/os/'"),
    "repos/items/versions/type": ("+    versions: '9'\n", "6:15", "repos[0].versions is '9'; write a list"),
    "repos/items/versions/minItems": ("+    versions: []\n", "6:15", "with 0 entries; write at least 1"),
    "repos/items/versions/uniqueItems": ("+    versions: ['9', '9']\n", "6:15", "names something twice"),
    "repos/items/versions/items/type": ("+    versions: [9]\n", "6:16", "versions[0] is 9; put it in quotes"),
    "repos/items/versions/items/maxLength": (f"+    versions: ['{'9' * 41}']\n", "6:16", "write at most 40"),
    "repos/items/versions/items/pattern": ("+    versions: ['9$']\n", "6:16", "is '9$'; write it as in '9'"),
    "repos/items/clients/type": ("+    clients: dnf\n", "6:14", "repos[0].clients is 'dnf'; write a list"),
    "repos/items/clients/minItems": ("+    clients: []\n", "6:14", "with 0 entries; write at least 1"),
    "repos/items/clients/uniqueItems": ("+    clients: [dnf, dnf]\n", "6:14", "names something twice"),
    "repos/items/clients/items/type": ("+    clients: [5]\n", "6:15", "is 5; put it in quotes"),
    "repos/items/clients/items/enum": ("+    clients: [dfn]\n", "6:15", "did you mean 'dnf'?"),
    "repos/items/kind/type": ("+    kind: 5\n", "6:11", "put it in quotes"),
    "repos/items/kind/enum": ("+    kind: deb\n", "6:11", "repos[0].kind is 'deb'"),
    "repos/items/suites/type": ("+    suites: noble\n", "6:13", "write a list"),
    "repos/items/suites/minItems": ("+    suites: []\n", "6:13", "with 0 entries; write at least 1"),
    "repos/items/suites/maxItems": (f"+    suites: {[f's{n}' for n in range(51)]}\n", "6:13", "write at most 50"),
    "repos/items/suites/uniqueItems": ("+    suites: [a, a]\n", "6:13", "names something twice"),
    "repos/items/suites/items/type": ("+    suites: [5]\n", "6:14", "put it in quotes"),
    "repos/items/suites/items/maxLength": (f"+    suites: [{'a' * 101}]\n", "6:14", "write at most 100"),
    "repos/items/suites/items/pattern": ("+    suites: [../a]\n", "6:14", "is '../a'"),
    "repos/items/index/type": ("+    index: 5\n", "6:12", "put it in quotes"),
    "repos/items/index/maxLength": (f"+    index: {'a' * 201}\n", "6:12", "write at most 200"),
    "repos/items/index/pattern": ("+    index: a/b.db\n", "6:12", "is 'a/b.db'"),
    "repos/items/canaries/type": ("+    canaries: a\n", "6:15", "write a list"),
    "repos/items/canaries/minItems": ("+    canaries: []\n", "6:15", "with 0 entries; write at least 1"),
    "repos/items/canaries/maxItems": (f"+    canaries: {[f'c{n}' for n in range(9)]}\n", "6:15", "write at most 8"),
    "repos/items/canaries/uniqueItems": ("+    canaries: [a, a]\n", "6:15", "names something twice"),
    "repos/items/canaries/items/type": ("+    canaries: [5]\n", "6:16", "put it in quotes"),
    "repos/items/canaries/items/maxLength": (f"+    canaries: [{'a' * 301}]\n", "6:16", "write at most 300"),
    "repos/items/canaries/items/pattern": ("+    canaries: [/a]\n", "6:16", "is '/a'"),
    "repos/items/arches/type": ("+    arches: x86_64\n", "6:13", "repos[0].arches is 'x86_64'; write a list"),
    "repos/items/arches/minItems": ("+    arches: []\n", "6:13", "with 0 entries; write at least 1"),
    "repos/items/arches/uniqueItems": ("+    arches: [arm, arm]\n", "6:13", "names something twice"),
    "repos/items/arches/items/type": ("+    arches: [64]\n", "6:14", "is 64; put it in quotes"),
    "repos/items/arches/items/maxLength": (f"+    arches: [{'x' * 41}]\n", "6:14", "write at most 40"),
    "repos/items/arches/items/pattern": ("+    arches: [x/y]\n", "6:14", "is 'x/y'; write it as in 'x86_64'"),
    "repos/items/vault/type": ("+    vault: maybe\n", "6:12", "vault is 'maybe'; write true or false"),
    "aliases/type": ("+aliases: [os]\n", "6:10", "aliases is a list; write keys and values"),
    "aliases/propertyNames/type": ("", "", ""),
    "aliases/propertyNames/maxLength": (f"+aliases: {{{'x' * 101}: baseos}}\n", "6:11", "aliases has the key"),
    "aliases/propertyNames/pattern": ("+aliases: {o s: baseos}\n", "6:11", "aliases has the key 'o s'"),
    "aliases/additionalProperties/type": ("+aliases: {os: 5}\n", "6:15", "aliases.os is 5; put it in quotes"),
    "aliases/additionalProperties/maxLength": (f"+aliases: {{os: {'x' * 101}}}\n", "6:15", "at most 100"),
    "aliases/additionalProperties/pattern": ("+aliases: {os: a b}\n", "6:15", "is 'a b'; write it as in 'baseos'"),
    "images/type": ("+images: x.iso\n", "6:9", "images is 'x.iso'; write a list"),
    "images/maxItems": (f"+images: [{', '.join(['{path: a}'] * 501)}]\n", "6:9", "write at most 500"),
    "images/items/type": ("+images: [x.iso]\n", "6:10", "images[0] is 'x.iso'; write keys and values"),
    "images/items/required": ("+images: [{arches: [arm]}]\n", "6:10", "images[0] has no 'path'; add it"),
    "images/items/additionalProperties": ("+images: [{path: a, pth: b}]\n", "6:20", "did you mean 'path'?"),
    "images/items/path/type": ("+images: [{path: 5}]\n", "6:17", "images[0].path is 5; put it in quotes"),
    "images/items/path/maxLength": (f"+images: [{{path: {'x' * 201}}}]\n", "6:17", "write at most 200"),
    "images/items/path/pattern": ("+images: [{path: isos/}]\n", "6:17", "write it as in 'isos/$basearch/Example-"),
    "images/items/versions/type": ("+images: [{path: a, versions: '9'}]\n", "6:30", "is '9'; write a list"),
    "images/items/versions/minItems": ("+images: [{path: a, versions: []}]\n", "6:30", "write at least 1"),
    "images/items/versions/uniqueItems": ("+images: [{path: a, versions: ['9', '9']}]\n", "6:30", "twice"),
    "images/items/versions/items/type": ("+images: [{path: a, versions: [9]}]\n", "6:31", "versions[0] is 9; put"),
    "images/items/versions/items/maxLength": (
        f"+images: [{{path: a, versions: ['{'9' * 41}']}}]\n",
        "6:31",
        "write at most 40",
    ),
    "images/items/versions/items/pattern": ("+images: [{path: a, versions: ['9$']}]\n", "6:31", "is '9$'"),
    "images/items/arches/type": ("+images: [{path: a, arches: arm}]\n", "6:28", "is 'arm'; write a list"),
    "images/items/arches/minItems": ("+images: [{path: a, arches: []}]\n", "6:28", "write at least 1"),
    "images/items/arches/uniqueItems": ("+images: [{path: a, arches: [arm, arm]}]\n", "6:28", "twice"),
    "images/items/arches/items/type": ("+images: [{path: a, arches: [64]}]\n", "6:29", "is 64; put it in quotes"),
    "images/items/arches/items/maxLength": (
        f"+images: [{{path: a, arches: [{'x' * 41}]}}]\n",
        "6:29",
        "write at most 40",
    ),
    "images/items/arches/items/pattern": ("+images: [{path: a, arches: [x/y]}]\n", "6:29", "is 'x/y'; write it"),
    "modules/type": ("+modules: [main]\n", "6:10", "modules is a list; write keys and values"),
    "modules/propertyNames/type": ("", "", ""),
    "modules/propertyNames/maxLength": (f"+modules: {{{'x' * 41}: {{}}}}\n", "6:11", "modules has the key"),
    "modules/propertyNames/pattern": ("+modules: {Main: {}}\n", "6:11", "modules has the key 'Main'"),
    "modules/additionalProperties/type": ("+modules: {main: x}\n", "6:17", "modules.main is 'x'; write keys"),
    "modules/additionalProperties/additionalProperties": (
        "+modules: {main: {tilte: x}}\n",
        "6:18",
        "modules.main.tilte is not a known key; did you mean 'title'?",
    ),
    "modules/additionalProperties/canaries/type": ("+modules: {main: {canaries: a}}\n", "6:28", "write a list"),
    "modules/additionalProperties/canaries/minItems": ("+modules: {main: {canaries: []}}\n", "6:28", "at least 1"),
    "modules/additionalProperties/canaries/maxItems": (
        f"+modules: {{main: {{canaries: {[f'c{n}' for n in range(9)]}}}}}\n",
        "6:28",
        "write at most 8",
    ),
    "modules/additionalProperties/canaries/uniqueItems": (
        "+modules: {main: {canaries: [a, a]}}\n",
        "6:28",
        "names something twice",
    ),
    "modules/additionalProperties/canaries/items/type": ("+modules: {main: {canaries: [5]}}\n", "6:29", "in quotes"),
    "modules/additionalProperties/canaries/items/maxLength": (
        f"+modules: {{main: {{canaries: [{'a' * 301}]}}}}\n",
        "6:29",
        "write at most 300",
    ),
    "modules/additionalProperties/canaries/items/pattern": ("+modules: {main: {canaries: [a//b]}}\n", "6:29", "'a//b'"),
    "modules/additionalProperties/title/type": ("+modules: {main: {title: 9}}\n", "6:25", "put it in quotes"),
    "modules/additionalProperties/title/minLength": ("+modules: {main: {title: ''}}\n", "6:25", "at least 1"),
    "modules/additionalProperties/title/maxLength": (
        f"+modules: {{main: {{title: {'x' * 101}}}}}\n",
        "6:25",
        "write at most 100",
    ),
    "modules/additionalProperties/rsync/type": ("+modules: {main: {rsync: 9}}\n", "6:25", "put it in quotes"),
    "modules/additionalProperties/rsync/maxLength": (
        f"+modules: {{main: {{rsync: 'rsync://{'x' * 500}'}}}}\n",
        "6:25",
        "write at most 500",
    ),
    "modules/additionalProperties/rsync/pattern": (
        "+modules: {main: {rsync: 'https://a.example/'}}\n",
        "6:25",
        "write it as in 'rsync://rsync.example.org/linux/'",
    ),
    "modules/additionalProperties/space_gb/type": (
        "+modules: {main: {space_gb: 1.5}}\n",
        "6:28",
        "modules.main.space_gb is 1.5; write a whole number",
    ),
    "modules/additionalProperties/space_gb/minimum": ("+modules: {main: {space_gb: 0}}\n", "6:28", "at least 1"),
    "modules/additionalProperties/space_gb/maximum": (
        "+modules: {main: {space_gb: 1000001}}\n",
        "6:28",
        "at most 1000000",
    ),
    "modules/additionalProperties/interval/type": (
        "+modules: {main: {interval: 3}}\n",
        "6:28",
        "put it in quotes",
    ),
    "modules/additionalProperties/interval/pattern": (
        "+modules: {main: {interval: 0h}}\n",
        "6:28",
        "is '0h'; write it as in '30m' or '12h' or '7d'",
    ),
    "file_lists/type": ("+file_lists: ls-lR\n", "6:13", "file_lists is 'ls-lR'; write keys and values"),
    "file_lists/propertyNames/type": ("", "", ""),
    "file_lists/propertyNames/maxLength": (f"+file_lists: {{{'x' * 41}: a}}\n", "6:14", "file_lists has the key"),
    "file_lists/propertyNames/pattern": ("+file_lists: {Main: a}\n", "6:14", "file_lists has the key 'Main'"),
    "file_lists/additionalProperties/type": ("+file_lists: {main: 5}\n", "6:20", "file_lists.main is 5"),
    "file_lists/additionalProperties/maxLength": (
        f"+file_lists: {{main: {'x' * 501}}}\n",
        "6:20",
        "write at most 500",
    ),
    "file_lists/additionalProperties/pattern": ("+file_lists: {main: ../x}\n", "6:20", "file_lists.main is '../x'"),
    "origin/anyOf": ("+origin: [/srv]\n", "6:9", "origin is a list; write text or keys and values"),
    "origin/anyOf/0/type": ("+origin: 5\n", "6:9", "origin is 5; put it in quotes"),
    "origin/anyOf/0/minLength": ("+origin: ''\n", "6:9", "with 0 characters; write at least 1"),
    "origin/anyOf/0/maxLength": (f"+origin: {'x' * 1001}\n", "6:9", "write at most 1000"),
    "origin/anyOf/0/pattern": ('+origin: "/srv\\n"\n', "6:9", "is '/srv\\n'; write '/srv'"),
    "origin/anyOf/1/type": ("+origin: true\n", "6:9", "origin is true; put it in quotes"),
    "origin/anyOf/1/propertyNames/type": ("", "", ""),
    "origin/anyOf/1/propertyNames/maxLength": (f"+origin: {{{'x' * 41}: /srv}}\n", "6:10", "origin has the key"),
    "origin/anyOf/1/propertyNames/pattern": ("+origin: {Main: /srv}\n", "6:10", "origin has the key 'Main'"),
    "origin/anyOf/1/additionalProperties/type": ("+origin: {main: 5}\n", "6:16", "origin.main is 5"),
    "origin/anyOf/1/additionalProperties/minLength": ("+origin: {main: ''}\n", "6:16", "at least 1"),
    "origin/anyOf/1/additionalProperties/maxLength": (
        f"+origin: {{main: {'x' * 1001}}}\n",
        "6:16",
        "write at most 1000",
    ),
    "origin/anyOf/1/additionalProperties/pattern": (
        '+origin: {main: "\\t"}\n',
        "6:16",
        "is '\\t'; write it as in '/srv/linux'",
    ),
    "fallbacks/anyOf": ("+fallbacks: https://a.example/\n", "6:12", "write a list or keys and values"),
    "fallbacks/anyOf/0/type": ("+fallbacks: 5\n", "6:12", "fallbacks is 5; write a list or keys and values"),
    "fallbacks/anyOf/0/minItems": ("+fallbacks: []\n", "6:12", "with 0 entries; write at least 1"),
    "fallbacks/anyOf/0/uniqueItems": (
        "+fallbacks: ['http://a.example/', 'http://a.example/']\n",
        "6:12",
        "fallbacks names something twice",
    ),
    "fallbacks/anyOf/0/items/type": ("+fallbacks: [5]\n", "6:13", "fallbacks[0] is 5; put it in quotes"),
    "fallbacks/anyOf/0/items/maxLength": (f"+fallbacks: ['http://{'x' * 500}']\n", "6:13", "at most 500"),
    "fallbacks/anyOf/0/items/pattern": (
        "+fallbacks: ['ftp://a.example/']\n",
        "6:13",
        "fallbacks[0] is 'ftp://a.example/'; write it as in 'https://mirror.example.org/linux/'",
    ),
    "fallbacks/anyOf/1/type": ("+fallbacks: null\n", "6:12", "fallbacks is nothing; write a list or keys and"),
    "fallbacks/anyOf/1/propertyNames/type": ("", "", ""),
    "fallbacks/anyOf/1/propertyNames/maxLength": (
        f"+fallbacks: {{{'x' * 41}: ['http://a.example/']}}\n",
        "6:13",
        "fallbacks has the key",
    ),
    "fallbacks/anyOf/1/propertyNames/pattern": (
        "+fallbacks: {9: ['http://a.example/']}\n",
        "6:13",
        "fallbacks has the key '9'; write it as in 'kitten'",
    ),
    "fallbacks/anyOf/1/additionalProperties/type": (
        "+fallbacks: {main: http://a.example/}\n",
        "6:19",
        "fallbacks.main is 'http://a.example/'; write a list",
    ),
    "fallbacks/anyOf/1/additionalProperties/minItems": ("+fallbacks: {main: []}\n", "6:19", "at least 1"),
    "fallbacks/anyOf/1/additionalProperties/uniqueItems": (
        "+fallbacks: {main: ['http://a.example/', 'http://a.example/']}\n",
        "6:19",
        "fallbacks.main names something twice",
    ),
    "fallbacks/anyOf/1/additionalProperties/items/type": ("+fallbacks: {main: [5]}\n", "6:20", "put it in quotes"),
    "fallbacks/anyOf/1/additionalProperties/items/maxLength": (
        f"+fallbacks: {{main: ['http://{'x' * 500}']}}\n",
        "6:20",
        "write at most 500",
    ),
    "fallbacks/anyOf/1/additionalProperties/items/pattern": (
        "+fallbacks: {main: [rsync://a.example/]}\n",
        "6:20",
        "fallbacks.main[0] is 'rsync://a.example/'",
    ),
    "trees/type": ("+trees: {}\n", "6:8", "trees is a mapping; write a list"),
    "trees/maxItems": (f"+trees: [{'1, ' * 1001}]\n", "6:8", "write at most 1000"),
    "trees/items/type": ("+trees: [/dl/]\n", "6:9", "trees[0] is '/dl/'; write keys and values"),
    "trees/items/required": ("+trees: [{path: /dl/}]\n", "6:9", "trees[0] has no 'module'; add it"),
    "trees/items/additionalProperties": (
        "+trees: [{path: /dl/, module: main, hosts: x}]\n",
        "6:36",
        "hosts is not a known key; did you mean 'host'?",
    ),
    "trees/items/path/type": ("+trees: [{path: 5, module: main}]\n", "6:16", "put it in quotes"),
    "trees/items/path/maxLength": (f"+trees: [{{path: /{'x' * 200}, module: main}}]\n", "6:16", "write at most 200"),
    "trees/items/path/pattern": ("+trees: [{path: /../, module: main}]\n", "6:16", "write it as in '/dl/'"),
    "trees/items/host/type": ("+trees: [{path: /, module: main, host: 5}]\n", "6:39", "put it in quotes"),
    "trees/items/host/maxLength": (
        f"+trees: [{{path: /, module: main, host: {'x' * 254}}}]\n",
        "6:39",
        "write at most 253",
    ),
    "trees/items/host/pattern": (
        "+trees: [{path: /, module: main, host: 'dl.example.org:80'}]\n",
        "6:39",
        "write it as in 'dl.example.org'",
    ),
    "trees/items/module/type": ("+trees: [{path: /dl/, module: 5}]\n", "6:30", "put it in quotes"),
    "trees/items/module/maxLength": (f"+trees: [{{path: /dl/, module: {'x' * 41}}}]\n", "6:30", "at most 40"),
    "trees/items/module/pattern": ("+trees: [{path: /dl/, module: Main}]\n", "6:30", "write 'main'"),
    "trees/items/metadata/enum": (
        "+trees: [{path: /dl/, module: main, metadata: orign}]\n",
        "6:46",
        "metadata is 'orign'; did you mean 'origin'?",
    ),
    "trees/items/from_origin/type": (
        "+trees: [{path: /dl/, module: main, from_origin: x}]\n",
        "6:49",
        "from_origin is 'x'; write a list",
    ),
    "trees/items/from_origin/maxItems": (
        f"+trees: [{{path: /dl/, module: main, from_origin: [{', '.join(['x'] * 101)}]}}]\n",
        "6:49",
        "at most 100",
    ),
    "trees/items/from_origin/items/type": (
        "+trees: [{path: /dl/, module: main, from_origin: [5]}]\n",
        "6:50",
        "put it in quotes",
    ),
    "trees/items/from_origin/items/maxLength": (
        f"+trees: [{{path: /dl/, module: main, from_origin: [{'x' * 201}]}}]\n",
        "6:50",
        "at most 200",
    ),
    "trees/items/from_origin/items/pattern": (
        "+trees: [{path: /dl/, module: main, from_origin: ['a b']}]\n",
        "6:50",
        "from_origin[0] is 'a b'",
    ),
    "trees/items/allow_http/type": (
        "+trees: [{path: /dl/, module: main, allow_http: 5}]\n",
        "6:48",
        "allow_http is 5; write true or false",
    ),
    "trees/items/names/type": ("+trees: [{path: /dl/, module: main, names: 5}]\n", "6:43", "put it in quotes"),
    "trees/items/names/minLength": ('+trees: [{path: /dl/, module: main, names: ""}]\n', "6:43", "write at least 1"),
    "trees/items/names/maxLength": (
        f"+trees: [{{path: /dl/, module: main, names: {'x' * 1025}}}]\n",
        "6:43",
        "write at most 1024",
    ),
    "trees/items/regions/type": ("+trees: [{path: /dl/, module: main, regions: x}]\n", "6:45", "write keys and values"),
    "trees/items/regions/maxProperties": (
        f"+trees: [{{path: /dl/, module: main, regions: {{{', '.join(f'r{n}: https://e.org/' for n in range(101))}}}}}]\n",
        "6:45",
        "at most 100",
    ),
    "trees/items/regions/propertyNames/pattern": (
        "+trees: [{path: /dl/, module: main, regions: {'a b': 'https://e.org/'}}]\n",
        "6:46",
        "write it as in 'GITHUB'",
    ),
    "trees/items/regions/additionalProperties/type": (
        "+trees: [{path: /dl/, module: main, regions: {A: 5}}]\n",
        "6:49",
        "put it in quotes",
    ),
    "trees/items/regions/additionalProperties/maxLength": (
        f"+trees: [{{path: /dl/, module: main, regions: {{A: 'https://e.org/{'x' * 1020}'}}}}]\n",
        "6:49",
        "write at most 1024",
    ),
    "trees/items/regions/additionalProperties/pattern": (
        "+trees: [{path: /dl/, module: main, regions: {A: 'ftp://e.org/'}}]\n",
        "6:49",
        "write it as in",
    ),
    "trees/items/router/enum": ("+trees: [{path: /dl/, module: main, router: armbian}]\n", "6:44", "armbian-router"),
    "trees/items/protocol/enum": (
        "+trees: [{path: /dl/, module: main, protocol: as_aksed}]\n",
        "6:46",
        "protocol is 'as_aksed'; did you mean 'as_asked'?",
    ),
    "trusted_proxies/type": ("+trusted_proxies: unix\n", "6:18", "is 'unix'; write a list"),
    "trusted_proxies/uniqueItems": ("+trusted_proxies: [unix, unix]\n", "6:18", "names something twice"),
    "trusted_proxies/items/type": ("+trusted_proxies: [10]\n", "6:19", "trusted_proxies[0] is 10; put it in"),
    "trusted_proxies/items/minLength": ("+trusted_proxies: ['']\n", "6:19", "with 0 characters"),
    "trusted_proxies/items/maxLength": (f"+trusted_proxies: [{'x' * 51}]\n", "6:19", "write at most 50"),
    "geo/type": ("+geo: City.mmdb\n", "6:6", "geo is 'City.mmdb'; write keys and values"),
    "geo/additionalProperties": ("+geo: {database: []}\n", "6:7", "did you mean 'databases'?"),
    "geo/databases/type": ("+geo: {databases: x}\n", "6:18", "geo.databases is 'x'; write a list"),
    "geo/databases/uniqueItems": ("+geo: {databases: [a, a]}\n", "6:18", "names something twice"),
    "geo/databases/items/type": ("+geo: {databases: [1]}\n", "6:19", "geo.databases[0] is 1; put it in"),
    "geo/databases/items/minLength": ("+geo: {databases: ['']}\n", "6:19", "write at least 1"),
    "geo/databases/items/maxLength": (f"+geo: {{databases: [{'x' * 1001}]}}\n", "6:19", "write at most 1000"),
    "geo/databases/items/pattern": ('+geo: {databases: ["\\t"]}\n', "6:19", "geo.databases[0] is '\\t'"),
    "geo/downloads/type": ("+geo: {downloads: dbip}\n", "6:18", "geo.downloads is 'dbip'; write a list"),
    "geo/downloads/maxItems": (
        f"+geo: {{downloads: [{', '.join(['{vendor: dbip}'] * 21)}]}}\n",
        "6:18",
        "21",
    ),
    "geo/downloads/items/type": ("+geo: {downloads: [dbip]}\n", "6:19", "is 'dbip'; write keys and values"),
    "geo/downloads/items/required": ("+geo: {downloads: [{edition: x}]}\n", "6:19", "has no 'vendor'; add it"),
    "geo/downloads/items/additionalProperties": (
        "+geo: {downloads: [{vendor: dbip, editon: x}]}\n",
        "6:34",
        "did you mean 'edition'?",
    ),
    "geo/downloads/items/vendor/enum": ("+geo: {downloads: [{vendor: dpip}]}\n", "6:28", "did you mean 'dbip'?"),
    "geo/downloads/items/edition/type": (
        "+geo: {downloads: [{vendor: dbip, edition: 1}]}\n",
        "6:43",
        "is 1; put it in",
    ),
    "geo/downloads/items/edition/maxLength": (
        f"+geo: {{downloads: [{{vendor: dbip, edition: {'x' * 65}}}]}}\n",
        "6:43",
        "write at most 64",
    ),
    "geo/downloads/items/edition/pattern": (
        "+geo: {downloads: [{vendor: dbip, edition: ../x}]}\n",
        "6:43",
        "edition is '../x'",
    ),
    "geo/downloads/items/url/type": ("+geo: {downloads: [{vendor: url, url: 1}]}\n", "6:38", "url is 1; put it in"),
    "geo/downloads/items/url/maxLength": (
        f"+geo: {{downloads: [{{vendor: url, url: 'https://a/{'x' * 1000}'}}]}}\n",
        "6:38",
        "write at most 1000",
    ),
    "geo/downloads/items/url/pattern": (
        "+geo: {downloads: [{vendor: url, url: 'ftp://a/b'}]}\n",
        "6:38",
        "url is 'ftp://a/b'",
    ),
    "geo/downloads/items/account/type": (
        "+geo: {downloads: [{vendor: maxmind, account: x}]}\n",
        "6:46",
        "account is 'x'",
    ),
    "geo/downloads/items/account/minimum": (
        "+geo: {downloads: [{vendor: maxmind, account: 0}]}\n",
        "6:46",
        "account is 0",
    ),
    "geo/downloads/items/key_file/type": (
        "+geo: {downloads: [{vendor: dbip, key_file: 1}]}\n",
        "6:44",
        "key_file is 1; put it in",
    ),
    "geo/downloads/items/key_file/minLength": (
        "+geo: {downloads: [{vendor: dbip, key_file: ''}]}\n",
        "6:44",
        "at least 1",
    ),
    "geo/downloads/items/key_file/maxLength": (
        f"+geo: {{downloads: [{{vendor: dbip, key_file: {'x' * 1001}}}]}}\n",
        "6:44",
        "write at most 1000",
    ),
    "geo/downloads/items/key_file/pattern": (
        '+geo: {downloads: [{vendor: dbip, key_file: "\\t"}]}\n',
        "6:44",
        "key_file is '\\t'",
    ),
    "geo/cloud_downloads/type": ("+geo: {cloud_downloads: aws}\n", "6:24", "is 'aws'; write a list"),
    "geo/cloud_downloads/uniqueItems": ("+geo: {cloud_downloads: [aws, aws]}\n", "6:24", "names something twice"),
    "geo/cloud_downloads/items/enum": ("+geo: {cloud_downloads: [amazon]}\n", "6:25", "cloud_downloads[0] is 'amazon'"),
    "geo/overrides/type": ("+geo: {overrides: x}\n", "6:18", "geo.overrides is 'x'; write a list"),
    "geo/overrides/maxItems": (
        f"+geo: {{overrides: [{', '.join(['{}'] * 10_001)}]}}\n",
        "6:18",
        "with 10001 entries; write at most 10000",
    ),
    "geo/overrides/items/type": ("+geo: {overrides: [x]}\n", "6:19", "geo.overrides[0] is 'x'; write keys and values"),
    "geo/overrides/items/required": (
        "+geo: {overrides: [{country: DE, asn: 1}]}\n",
        "6:19",
        "geo.overrides[0] has no 'prefix'; add it",
    ),
    "geo/overrides/items/minProperties": (
        "+geo: {overrides: [{prefix: 192.0.2.0/24}]}\n",
        "6:19",
        "is a mapping with 1 keys; write at least 2",
    ),
    "geo/overrides/items/additionalProperties": (
        "+geo: {overrides: [{prefix: 192.0.2.0/24, contry: DE}]}\n",
        "6:42",
        "did you mean 'country'?",
    ),
    "geo/overrides/items/dependentRequired/city": (
        "+geo: {overrides: [{prefix: 192.0.2.0/24, city: Ulm}]}\n",
        "6:42",
        "city is without 'country'; add that",
    ),
    "geo/overrides/items/dependentRequired/latitude": (
        "+geo: {overrides: [{prefix: 192.0.2.0/24, latitude: 1}]}\n",
        "6:42",
        "is without 'longitude'; add that",
    ),
    "geo/overrides/items/dependentRequired/longitude": (
        "+geo: {overrides: [{prefix: 192.0.2.0/24, longitude: 1}]}\n",
        "6:42",
        "is without 'latitude'; add that",
    ),
    "geo/overrides/items/prefix/type": (
        "+geo: {overrides: [{prefix: 5, asn: 1}]}\n",
        "6:28",
        "geo.overrides[0].prefix is 5; put it in quotes",
    ),
    "geo/overrides/items/prefix/minLength": (
        "+geo: {overrides: [{prefix: '', asn: 1}]}\n",
        "6:28",
        "with 0 characters; write at least 2",
    ),
    "geo/overrides/items/prefix/maxLength": (
        f"+geo: {{overrides: [{{prefix: {'1' * 51}, asn: 1}}]}}\n",
        "6:28",
        "with 51 characters; write at most 50",
    ),
    "geo/overrides/items/country/type": (
        "+geo: {overrides: [{prefix: 192.0.2.0/24, country: 5}]}\n",
        "6:51",
        "country is 5; put it in quotes",
    ),
    "geo/overrides/items/country/pattern": (
        "+geo: {overrides: [{prefix: 192.0.2.0/24, country: de}]}\n",
        "6:51",
        "country is 'de'; write it as in 'DE'",
    ),
    "geo/overrides/items/city/type": (
        "+geo: {overrides: [{prefix: 192.0.2.0/24, country: DE, city: 5}]}\n",
        "6:61",
        "city is 5; put it in quotes",
    ),
    "geo/overrides/items/city/minLength": (
        "+geo: {overrides: [{prefix: 192.0.2.0/24, country: DE, city: ''}]}\n",
        "6:61",
        "at least 1",
    ),
    "geo/overrides/items/city/maxLength": (
        f"+geo: {{overrides: [{{prefix: 192.0.2.0/24, country: DE, city: {'x' * 101}}}]}}\n",
        "6:61",
        "write at most 100",
    ),
    "geo/overrides/items/latitude/type": (
        "+geo: {overrides: [{prefix: 192.0.2.0/24, longitude: 1, latitude: x}]}\n",
        "6:66",
        "latitude is 'x'",
    ),
    "geo/overrides/items/latitude/minimum": (
        "+geo: {overrides: [{prefix: 192.0.2.0/24, longitude: 1, latitude: -90.5}]}\n",
        "6:66",
        "latitude is -90.5",
    ),
    "geo/overrides/items/latitude/maximum": (
        "+geo: {overrides: [{prefix: 192.0.2.0/24, longitude: 1, latitude: 90.5}]}\n",
        "6:66",
        "latitude is 90.5",
    ),
    "geo/overrides/items/longitude/type": (
        "+geo: {overrides: [{prefix: 192.0.2.0/24, latitude: 1, longitude: x}]}\n",
        "6:66",
        "longitude is 'x'",
    ),
    "geo/overrides/items/longitude/minimum": (
        "+geo: {overrides: [{prefix: 192.0.2.0/24, latitude: 1, longitude: -180.5}]}\n",
        "6:66",
        "longitude is -180.5",
    ),
    "geo/overrides/items/longitude/maximum": (
        "+geo: {overrides: [{prefix: 192.0.2.0/24, latitude: 1, longitude: 180.5}]}\n",
        "6:66",
        "longitude is 180.5",
    ),
    "geo/overrides/items/asn/type": ("+geo: {overrides: [{prefix: 192.0.2.0/24, asn: AS5}]}\n", "6:47", "asn is 'AS5'"),
    "geo/overrides/items/asn/minimum": ("+geo: {overrides: [{prefix: 192.0.2.0/24, asn: 0}]}\n", "6:47", "asn is 0"),
    "geo/overrides/items/asn/maximum": (
        "+geo: {overrides: [{prefix: 192.0.2.0/24, asn: 4294967295}]}\n",
        "6:47",
        "asn is 4294967295",
    ),
    "geo/clouds/type": ("+geo: {clouds: aws}\n", "6:15", "geo.clouds is 'aws'; write keys and values"),
    "geo/clouds/additionalProperties": ("+geo: {clouds: {asw: x}}\n", "6:16", "did you mean 'aws'?"),
    **{
        f"geo/clouds/{provider}/{rule}": (f"+geo: {{clouds: {{{provider}: {value}}}}}\n", place, said)
        for provider, place in (("aws", "6:21"), ("azure", "6:23"), ("gcp", "6:21"), ("oci", "6:21"))
        for rule, value, said in (
            ("type", "5", "is 5; put it in quotes"),
            ("minLength", "''", "write at least 1"),
            ("maxLength", "x" * 1001, "write at most 1000"),
            ("pattern", '"\\t"', "write it as in '/srv/linux'"),
        )
    },
    "policy/type": ("+policy: 20\n", "6:9", "policy is 20; write keys and values"),
    "policy/additionalProperties": ("+policy: {limits: 20}\n", "6:10", "did you mean 'limit'?"),
    "policy/limit/type": ("+policy: {limit: '20'}\n", "6:17", "is '20'; write a whole number"),
    "policy/limit/minimum": ("+policy: {limit: 0}\n", "6:17", "at least 1 and at most 100"),
    "policy/limit/maximum": ("+policy: {limit: 101}\n", "6:17", "at least 1 and at most 100"),
    "policy/protocol_order/type": ("+policy: {protocol_order: https}\n", "6:26", "write a list"),
    "policy/protocol_order/minItems": ("+policy: {protocol_order: []}\n", "6:26", "write at least 1"),
    "policy/protocol_order/uniqueItems": ("+policy: {protocol_order: [http, http]}\n", "6:26", "twice"),
    "policy/protocol_order/items/enum": ("+policy: {protocol_order: [htps]}\n", "6:27", "did you mean 'https'?"),
    "policy/bands_km/type": ("+policy: {bands_km: 500}\n", "6:20", "policy.bands_km is 500; write a list"),
    "policy/bands_km/minItems": ("+policy: {bands_km: []}\n", "6:20", "write at least 1"),
    "policy/bands_km/maxItems": (f"+policy: {{bands_km: {list(range(1, 34))}}}\n", "6:20", "write at most 32"),
    "policy/bands_km/items/type": ("+policy: {bands_km: [0.5]}\n", "6:21", "is 0.5; write a whole number"),
    "policy/bands_km/items/minimum": ("+policy: {bands_km: [0]}\n", "6:21", "at least 1"),
    "policy/bands_km/items/maximum": ("+policy: {bands_km: [20101]}\n", "6:21", "at most 20100"),
    "policy/global_km/type": ("+policy: {global_km: near}\n", "6:21", "is 'near'; write a whole number"),
    "policy/global_km/minimum": ("+policy: {global_km: -1}\n", "6:21", "at least 0"),
    "policy/global_km/maximum": ("+policy: {global_km: 20101}\n", "6:21", "at most 20100"),
    "policy/far_km/type": ("+policy: {far_km: away}\n", "6:18", "is 'away'; write a whole number"),
    "policy/far_km/minimum": ("+policy: {far_km: -1}\n", "6:18", "at least 0"),
    "policy/far_km/maximum": ("+policy: {far_km: 20101}\n", "6:18", "at most 20100"),
    "policy/border_km/type": ("+policy: {border_km: near}\n", "6:21", "is 'near'; write a whole number"),
    "policy/border_km/minimum": ("+policy: {border_km: -1}\n", "6:21", "at least 0"),
    "policy/border_km/maximum": ("+policy: {border_km: 20101}\n", "6:21", "at most 20100"),
    "policy/weight_cap_mbps/type": ("+policy: {weight_cap_mbps: 10G}\n", "6:27", "write a whole number"),
    "policy/weight_cap_mbps/minimum": ("+policy: {weight_cap_mbps: 0}\n", "6:27", "at least 1"),
    "policy/weight_cap_mbps/maximum": ("+policy: {weight_cap_mbps: 10000001}\n", "6:27", "at most 10000000"),
    "policy/turn/type": ("+policy: {turn: 7}\n", "6:16", "policy.turn is 7; put it in quotes"),
    "policy/turn/pattern": ("+policy: {turn: 0d}\n", "6:16", "policy.turn is '0d'; write it as in '30m'"),
    "policy/lag_grace/anyOf": ("+policy: {lag_grace: []}\n", "6:21", "is a list; write a whole number or text"),
    "policy/lag_grace/anyOf/0/type": ("+policy: {lag_grace: 0.5}\n", "6:21", "is 0.5; put it in quotes"),
    "policy/lag_grace/anyOf/0/const": ("+policy: {lag_grace: 6}\n", "6:21", "policy.lag_grace is 6; write 0, or text"),
    "policy/lag_grace/anyOf/1/type": ("+policy: {lag_grace: no}\n", "6:21", "policy.lag_grace is"),
    "policy/lag_grace/anyOf/1/pattern": (
        "+policy: {lag_grace: 0h}\n",
        "6:21",
        "policy.lag_grace is '0h'; write it as in '30m' or '6h' or '0'",
    ),
    "policy/release_minimum/type": ("+policy: {release_minimum: 30%}\n", "6:27", "is '30%'; write a whole number"),
    "policy/release_minimum/minimum": ("+policy: {release_minimum: -1}\n", "6:27", "at least 0 and at most 100"),
    "policy/release_minimum/maximum": ("+policy: {release_minimum: 101}\n", "6:27", "at least 0 and at most 100"),
    "policy/fallback_minimum/type": ("+policy: {fallback_minimum: few}\n", "6:28", "write a whole number"),
    "policy/fallback_minimum/minimum": ("+policy: {fallback_minimum: -1}\n", "6:28", "at least 0"),
    "policy/fallback_minimum/maximum": ("+policy: {fallback_minimum: 101}\n", "6:28", "at most 100"),
    "policy/alternates_days/type": ("+policy: {alternates_days: 4d}\n", "6:27", "is '4d'; write a number"),
    "policy/alternates_days/minimum": ("+policy: {alternates_days: -0.5}\n", "6:27", "at least 0"),
    "policy/alternates_days/maximum": ("+policy: {alternates_days: 366}\n", "6:27", "at most 365"),
    "policy/tib_per_month/type": ("+policy: {tib_per_month: much}\n", "6:25", "is 'much'; write a number"),
    "policy/tib_per_month/minimum": ("+policy: {tib_per_month: 0}\n", "6:25", "is 0; write a number"),
    "policy/tib_per_month/maximum": ("+policy: {tib_per_month: 10000001}\n", "6:25", "at most 10000000"),
    "policy/peak_hours/type": ("+policy: {peak_hours: 8}\n", "6:22", "is 8; put it in quotes"),
    "policy/peak_hours/pattern": ("+policy: {peak_hours: 8 to 23}\n", "6:22", "08:00-23:00"),
    "policy/repeat_within/anyOf": ("+policy: {repeat_within: []}\n", "6:25", "is a list; write a whole number or text"),
    "policy/repeat_within/anyOf/0/type": ("+policy: {repeat_within: 0.5}\n", "6:25", "is 0.5; put it in quotes"),
    "policy/repeat_within/anyOf/0/const": ("+policy: {repeat_within: 10}\n", "6:25", "is 10; write 0, or text"),
    "policy/repeat_within/anyOf/1/type": ("+policy: {repeat_within: no}\n", "6:25", "policy.repeat_within is"),
    "policy/repeat_within/anyOf/1/pattern": (
        "+policy: {repeat_within: 1h}\n",
        "6:25",
        "policy.repeat_within is '1h'; write it as in '10s' or '1m' or '0'",
    ),
    "intranet_networks/type": ("+intranet_networks: all\n", "6:20", "is 'all'; write a list"),
    "intranet_networks/uniqueItems": (
        "+intranet_networks: [10.0.0.0/8, 10.0.0.0/8]\n",
        "6:20",
        "names something twice",
    ),
    "intranet_networks/items/type": ("+intranet_networks: [10]\n", "6:21", "intranet_networks[0] is 10; put it in"),
    "intranet_networks/items/minLength": ("+intranet_networks: ['']\n", "6:21", "with 0 characters"),
    "intranet_networks/items/maxLength": (f"+intranet_networks: [{'x' * 51}]\n", "6:21", "write at most 50"),
    "time_file/type": ("+time_file: 5\n", "6:12", "time_file is 5; put it in"),
    "time_file/maxLength": (f"+time_file: {'x' * 201}\n", "6:12", "write at most 200"),
    "time_file/pattern": ("+time_file: ../TIME\n", "6:12", "time_file is '../TIME'; write it as in 'TIME'"),
    "profile/enum": ("+profile: internet\n", "6:10", "did you mean 'intranet'?"),
    "weights/type": ("+weights: [1]\n", "6:10", "weights is a list; write keys and values"),
    "weights/propertyNames/type": ("", "", ""),
    "weights/propertyNames/maxLength": (f"+weights: {{{'x' * 254}: 1}}\n", "6:11", "weights has the key"),
    "weights/propertyNames/pattern": ("+weights: {a b: 1}\n", "6:11", "weights has the key 'a b'"),
    "weights/additionalProperties/type": ("+weights: {a.example: half}\n", "6:22", "is 'half'; write a number"),
    "weights/additionalProperties/minimum": ("+weights: {a.example: 0}\n", "6:22", "at least 0.01"),
    "weights/additionalProperties/maximum": ("+weights: {a.example: 100.5}\n", "6:22", "at most 100"),
    "vantages/type": ("+vantages: [berlin]\n", "6:11", "vantages is a list; write keys and values"),
    "vantages/maxProperties": (
        f"+vantages: {{{', '.join(f'v{n}: {{country: DE}}' for n in range(251))}}}\n",
        "6:11",
        "with 251 keys; write at most 250",
    ),
    "vantages/propertyNames/type": ("", "", ""),
    "vantages/propertyNames/pattern": (
        "+vantages: {Berlin: {country: DE}}\n",
        "6:12",
        "has the key 'Berlin'; write it as in 'berlin-1'",
    ),
    "vantages/additionalProperties/type": ("+vantages: {a: DE}\n", "6:15", "vantages.a is 'DE'; write keys and values"),
    "vantages/additionalProperties/required": ("+vantages: {a: {}}\n", "6:15", "country"),
    "vantages/additionalProperties/additionalProperties": (
        "+vantages: {a: {country: DE, region: EU}}\n",
        "6:29",
        "region",
    ),
    "vantages/additionalProperties/country/type": ("+vantages: {a: {country: 5}}\n", "6:25", "is 5"),
    "vantages/additionalProperties/country/pattern": (
        "+vantages: {a: {country: de}}\n",
        "6:25",
        "is 'de'; write it as in 'DE'",
    ),
    "vantages/additionalProperties/key/type": ("+vantages: {a: {country: DE, key: 5}}\n", "6:34", "is 5"),
    "vantages/additionalProperties/key/pattern": (
        "+vantages: {a: {country: DE, key: abc}}\n",
        "6:34",
        "is 'abc'; write it as in '11qYAY",
    ),
    "nodes/type": ("+nodes: [web-1]\n", "6:8", "nodes is a list; write keys and values"),
    "nodes/maxProperties": (
        f"+nodes: {{{', '.join(f'v{n}: {VANTAGE_KEY}' for n in range(1001))}}}\n",
        "6:8",
        "with 1001 keys; write at most 1000",
    ),
    "nodes/propertyNames/type": ("", "", ""),
    "nodes/propertyNames/pattern": (
        f"+nodes: {{Web: {VANTAGE_KEY}}}\n",
        "6:9",
        "has the key 'Web'; write it as in 'web-1'",
    ),
    "nodes/additionalProperties/type": ("+nodes: {a: 5}\n", "6:12", "is 5"),
    "nodes/additionalProperties/pattern": ("+nodes: {a: abc}\n", "6:12", "is 'abc'; write it as in '11qYAY"),
    "reach/type": ("+reach: [IR]\n", "6:8", "reach is a list; write keys and values"),
    "reach/maxProperties": (
        f"+reach: {{{', '.join(f'AS{n}: {{US: never}}' for n in range(1, 252))}}}\n",
        "6:8",
        "with 251 keys; write at most 250",
    ),
    "reach/propertyNames/type": ("", "", ""),
    "reach/propertyNames/pattern": ("+reach: {ir: {US: never}}\n", "6:9", "has the key 'ir'; write it as in 'IR'"),
    "reach/additionalProperties/type": ("+reach: {IR: US}\n", "6:13", "reach.IR is 'US'; write keys and values"),
    "reach/additionalProperties/minProperties": ("+reach: {IR: {}}\n", "6:13", "with 0 keys; write at least 1"),
    "reach/additionalProperties/maxProperties": (
        f"+reach: {{IR: {{{', '.join(f'AS{n}: never' for n in range(1, 252))}}}}}\n",
        "6:13",
        "with 251 keys; write at most 250",
    ),
    "reach/additionalProperties/propertyNames/type": ("", "", ""),
    "reach/additionalProperties/propertyNames/maxLength": (
        f"+reach: {{IR: {{{'x' * 254}: never}}}}\n",
        "6:14",
        "reach.IR has the key",
    ),
    "reach/additionalProperties/propertyNames/pattern": (
        "+reach: {IR: {us: never}}\n",
        "6:14",
        "reach.IR has the key 'us'; write it as in 'US'",
    ),
    "reach/additionalProperties/additionalProperties/anyOf": (
        "+reach: {IR: {US: [never]}}\n",
        "6:18",
        "reach.IR.US is a list",
    ),
    "reach/additionalProperties/additionalProperties/anyOf/0/type": ("+reach: {IR: {US: 1.5}}\n", "6:18", "is 1.5"),
    "reach/additionalProperties/additionalProperties/anyOf/0/minimum": (
        "+reach: {IR: {US: +0}}\n",
        "6:18",
        "at least 1",
    ),
    "reach/additionalProperties/additionalProperties/anyOf/0/maximum": (
        "+reach: {IR: {US: +20101}}\n",
        "6:18",
        "at most 20100",
    ),
    "reach/additionalProperties/additionalProperties/anyOf/1/type": ("+reach: {IR: {US: true}}\n", "6:18", "is true"),
    "reach/additionalProperties/additionalProperties/anyOf/1/pattern": (
        "+reach: {IR: {US: maybe}}\n",
        "6:18",
        "is 'maybe'; write it as in 'never'",
    ),
    "requirements/type": ("+requirements: 5\n", "6:15", "requirements is 5; write keys and values"),
    "requirements/additionalProperties": (
        "+requirements: {least: {}}\n",
        "6:16",
        "requirements.least is not a known key",
    ),
    "requirements/minimum/type": (
        "+requirements: {minimum: 5}\n",
        "6:25",
        "requirements.minimum is 5; write keys and values",
    ),
    "requirements/minimum/additionalProperties": (
        "+requirements: {minimum: {speed: 5}}\n",
        "6:26",
        "requirements.minimum.speed is not a known key",
    ),
    "requirements/minimum/bandwidth_mbps/type": (
        "+requirements: {minimum: {bandwidth_mbps: much}}\n",
        "6:42",
        "write a whole number",
    ),
    "requirements/minimum/bandwidth_mbps/minimum": (
        "+requirements: {minimum: {bandwidth_mbps: 0}}\n",
        "6:42",
        "at least 1",
    ),
    "requirements/minimum/bandwidth_mbps/maximum": (
        "+requirements: {minimum: {bandwidth_mbps: 100000001}}\n",
        "6:42",
        "at most 100000000",
    ),
    "requirements/minimum/storage_gb/type": (
        "+requirements: {minimum: {storage_gb: much}}\n",
        "6:38",
        "write a whole number",
    ),
    "requirements/minimum/storage_gb/minimum": ("+requirements: {minimum: {storage_gb: 0}}\n", "6:38", "at least 1"),
    "requirements/minimum/storage_gb/maximum": (
        "+requirements: {minimum: {storage_gb: 1000000001}}\n",
        "6:38",
        "at most 1000000000",
    ),
    "requirements/minimum/availability_percent/type": (
        "+requirements: {minimum: {availability_percent: much}}\n",
        "6:48",
        "write a number",
    ),
    "requirements/minimum/availability_percent/minimum": (
        "+requirements: {minimum: {availability_percent: -1}}\n",
        "6:48",
        "at least 0",
    ),
    "requirements/minimum/availability_percent/maximum": (
        "+requirements: {minimum: {availability_percent: 101}}\n",
        "6:48",
        "at most 100",
    ),
    "requirements/minimum/complete_percent/type": (
        "+requirements: {minimum: {complete_percent: much}}\n",
        "6:44",
        "write a number",
    ),
    "requirements/minimum/complete_percent/minimum": (
        "+requirements: {minimum: {complete_percent: -0.5}}\n",
        "6:44",
        "at least 0",
    ),
    "requirements/minimum/complete_percent/maximum": (
        "+requirements: {minimum: {complete_percent: 100.5}}\n",
        "6:44",
        "at most 100",
    ),
    "requirements/minimum/update_frequency/type": (
        "+requirements: {minimum: {update_frequency: 3}}\n",
        "6:44",
        "put it in quotes",
    ),
    "requirements/minimum/update_frequency/pattern": (
        "+requirements: {minimum: {update_frequency: often}}\n",
        "6:44",
        "write it as in '30m'",
    ),
    "requirements/minimum/protocols/type": ("+requirements: {minimum: {protocols: rsync}}\n", "6:37", "write a list"),
    "requirements/minimum/protocols/minItems": (
        "+requirements: {minimum: {protocols: []}}\n",
        "6:37",
        "write at least 1",
    ),
    "requirements/minimum/protocols/uniqueItems": (
        "+requirements: {minimum: {protocols: [http, http]}}\n",
        "6:37",
        "twice",
    ),
    "requirements/minimum/protocols/items/enum": (
        "+requirements: {minimum: {protocols: [rsnc]}}\n",
        "6:38",
        "did you mean 'rsync'?",
    ),
    "requirements/minimum/agreement/type": (
        "+requirements: {minimum: {agreement: 2026}}\n",
        "6:37",
        "put it in quotes",
    ),
    "requirements/minimum/agreement/minLength": (
        "+requirements: {minimum: {agreement: ''}}\n",
        "6:37",
        "with 0 characters",
    ),
    "requirements/minimum/agreement/maxLength": (
        f"+requirements: {{minimum: {{agreement: {'x' * 201}}}}}\n",
        "6:37",
        "write at most 200",
    ),
    "requirements/preferred/type": (
        "+requirements: {preferred: 5}\n",
        "6:27",
        "requirements.preferred is 5; write keys and values",
    ),
    "requirements/preferred/additionalProperties": (
        "+requirements: {preferred: {speed: 5}}\n",
        "6:28",
        "requirements.preferred.speed is not a known key",
    ),
    "requirements/preferred/bandwidth_mbps/type": (
        "+requirements: {preferred: {bandwidth_mbps: much}}\n",
        "6:44",
        "write a whole number",
    ),
    "requirements/preferred/bandwidth_mbps/minimum": (
        "+requirements: {preferred: {bandwidth_mbps: 0}}\n",
        "6:44",
        "at least 1",
    ),
    "requirements/preferred/bandwidth_mbps/maximum": (
        "+requirements: {preferred: {bandwidth_mbps: 100000001}}\n",
        "6:44",
        "at most 100000000",
    ),
    "requirements/preferred/storage_gb/type": (
        "+requirements: {preferred: {storage_gb: much}}\n",
        "6:40",
        "write a whole number",
    ),
    "requirements/preferred/storage_gb/minimum": (
        "+requirements: {preferred: {storage_gb: 0}}\n",
        "6:40",
        "at least 1",
    ),
    "requirements/preferred/storage_gb/maximum": (
        "+requirements: {preferred: {storage_gb: 1000000001}}\n",
        "6:40",
        "at most 1000000000",
    ),
    "requirements/preferred/availability_percent/type": (
        "+requirements: {preferred: {availability_percent: much}}\n",
        "6:50",
        "write a number",
    ),
    "requirements/preferred/availability_percent/minimum": (
        "+requirements: {preferred: {availability_percent: -1}}\n",
        "6:50",
        "at least 0",
    ),
    "requirements/preferred/availability_percent/maximum": (
        "+requirements: {preferred: {availability_percent: 101}}\n",
        "6:50",
        "at most 100",
    ),
    "requirements/preferred/complete_percent/type": (
        "+requirements: {preferred: {complete_percent: much}}\n",
        "6:46",
        "write a number",
    ),
    "requirements/preferred/complete_percent/minimum": (
        "+requirements: {preferred: {complete_percent: -0.5}}\n",
        "6:46",
        "at least 0",
    ),
    "requirements/preferred/complete_percent/maximum": (
        "+requirements: {preferred: {complete_percent: 100.5}}\n",
        "6:46",
        "at most 100",
    ),
    "requirements/preferred/update_frequency/type": (
        "+requirements: {preferred: {update_frequency: 3}}\n",
        "6:46",
        "put it in quotes",
    ),
    "requirements/preferred/update_frequency/pattern": (
        "+requirements: {preferred: {update_frequency: often}}\n",
        "6:46",
        "write it as in '30m'",
    ),
    "requirements/preferred/protocols/type": (
        "+requirements: {preferred: {protocols: rsync}}\n",
        "6:39",
        "write a list",
    ),
    "requirements/preferred/protocols/minItems": (
        "+requirements: {preferred: {protocols: []}}\n",
        "6:39",
        "write at least 1",
    ),
    "requirements/preferred/protocols/uniqueItems": (
        "+requirements: {preferred: {protocols: [http, http]}}\n",
        "6:39",
        "twice",
    ),
    "requirements/preferred/protocols/items/enum": (
        "+requirements: {preferred: {protocols: [rsnc]}}\n",
        "6:40",
        "did you mean 'rsync'?",
    ),
    "requirements/preferred/agreement/type": (
        "+requirements: {preferred: {agreement: 2026}}\n",
        "6:39",
        "put it in quotes",
    ),
    "requirements/preferred/agreement/minLength": (
        "+requirements: {preferred: {agreement: ''}}\n",
        "6:39",
        "with 0 characters",
    ),
    "requirements/preferred/agreement/maxLength": (
        f"+requirements: {{preferred: {{agreement: {'x' * 201}}}}}\n",
        "6:39",
        "write at most 200",
    ),
    "approved/type": ("+approved: a.example\n", "6:11", "approved is 'a.example'; write a list"),
    "approved/uniqueItems": ("+approved: [a.example, a.example]\n", "6:11", "names something twice"),
    "approved/items/type": ("+approved: [5]\n", "6:12", "approved[0] is 5; put it in quotes"),
    "approved/items/maxLength": (f"+approved: [{'x' * 254}]\n", "6:12", "write at most 253"),
    "approved/items/pattern": ("+approved: [https://a.example/]\n", "6:12", "as in 'mirror.example.org'"),
    "site/type": ("+site: []\n", "6:7", "site is a list; write keys and values"),
    "site/additionalProperties": ("+site: {joins: x}\n", "6:8", "joins is not a known key"),
    "site/url/type": ("+site: {url: 1}\n", "6:13", "site.url is 1; put it in quotes"),
    "site/url/maxLength": (f"+site: {{url: https://x/{'x' * 500}}}\n", "6:13", "write at most 500"),
    "site/url/pattern": ("+site: {url: ftp://x/}\n", "6:13", "write it as in 'https://mirror.example.org/linux/'"),
    "site/join_text/type": ("+site: {join_text: []}\n", "6:19", "site.join_text is a list; write text"),
    "site/join_text/maxLength": (f"+site: {{join_text: {'x' * 10001}}}\n", "6:19", "write at most 10000"),
    "site/repository/type": ("+site: {repository: 1}\n", "6:20", "put it in quotes"),
    "site/repository/maxLength": (f"+site: {{repository: https://x/{'x' * 500}}}\n", "6:20", "write at most 500"),
    "site/repository/pattern": ("+site: {repository: git@x}\n", "6:20", "write it as in 'https://"),
    "site/logo/type": ("+site: {logo: 1}\n", "6:14", "put it in quotes"),
    "site/logo/maxLength": (f"+site: {{logo: {'x' * 200}.png}}\n", "6:14", "write at most 200"),
    "site/logo/pattern": ("+site: {logo: a.svg}\n", "6:14", "write it as in 'logo.png'"),
    "site/color/type": ("+site: {color: 1}\n", "6:15", "put it in quotes"),
    "site/color/pattern": ("+site: {color: red}\n", "6:15", "write it as in '#0b5a74'"),
    "site/gpg_key/type": ("+site: {gpg_key: 1}\n", "6:17", "site.gpg_key is 1; put it in quotes"),
    "site/gpg_key/maxLength": (f"+site: {{gpg_key: https://x/{'x' * 500}}}\n", "6:17", "write at most 500"),
    "site/gpg_key/pattern": ("+site: {gpg_key: ftp://x/}\n", "6:17", "write it as in 'https://www.example.org/RPM"),
    "site/image_checksums/type": ("+site: {image_checksums: 1}\n", "6:25", "is 1; put it in quotes"),
    "site/image_checksums/maxLength": (f"+site: {{image_checksums: {'x' * 201}}}\n", "6:25", "write at most 200"),
    "site/image_checksums/pattern": ("+site: {image_checksums: ../x}\n", "6:25", "is '../x'; write it as in"),
    "site/images/type": ("+site: {images: 1}\n", "6:16", "site.images is 1; write a list"),
    "site/images/maxItems": (f"+site: {{images: [{'{title: x, file: y},' * 51}]}}\n", "6:16", "with 51 entries"),
    "site/images/items/type": ("+site: {images: [1]}\n", "6:17", "site.images[0] is 1; write keys and values"),
    "site/images/items/required": ("+site: {images: [{title: x}]}\n", "6:17", "has no 'file'; add it"),
    "site/images/items/additionalProperties": (
        "+site: {images: [{title: x, file: y, size: 1}]}\n",
        "6:37",
        "size is not a known key",
    ),
    "site/images/items/title/type": ("+site: {images: [{title: 1, file: y}]}\n", "6:25", "put it in quotes"),
    "site/images/items/title/minLength": ("+site: {images: [{title: '', file: y}]}\n", "6:25", "write at least 1"),
    "site/images/items/title/maxLength": (
        f"+site: {{images: [{{title: {'x' * 101}, file: y}}]}}\n",
        "6:25",
        "write at most 100",
    ),
    **{
        f"site/images/items/{key}/{rule}": (
            f"+site: {{images: [{{title: x, file: y, {key}: {value}}}]}}\n".replace("file: y, file", "file"),
            f"6:{place}",
            said,
        )
        for key, place in (("file", 34), ("torrent", 46))
        for rule, value, said in (
            ("type", "1", "put it in quotes"),
            ("maxLength", "x" * 201, "write at most 200"),
            ("pattern", "a/b", "is 'a/b'; write it as in"),
        )
    },
    **{
        f"site/{key}/{rule}": (f"+site: {{{key}: {value}}}\n", f"6:{place + len(key)}", said)
        for key in ("contacts", "geo_corrections", "links")
        for rule, value, place, said in (
            ("type", "1", 10, "is 1; write a list"),
            ("maxItems", f"[{'{title: x, url: mailto:y},' * 51}]", 10, "with 51 entries"),
            ("items/type", "[1]", 11, "is 1; write keys and values"),
            ("items/required", "[{title: x}]", 11, "has no 'url'; add it"),
            ("items/additionalProperties", "[{title: x, url: mailto:y, z: 1}]", 37, "z is not a known key"),
            ("items/title/type", "[{title: 1, url: mailto:y}]", 19, "put it in quotes"),
            ("items/title/minLength", "[{title: '', url: mailto:y}]", 19, "write at least 1"),
            ("items/title/maxLength", f"[{{title: {'x' * 101}, url: mailto:y}}]", 19, "write at most 100"),
            ("items/url/type", "[{title: x, url: 1}]", 27, "put it in quotes"),
            ("items/url/maxLength", f"[{{title: x, url: https://x/{'x' * 500}}}]", 27, "write at most 500"),
            (
                "items/url/pattern",
                "[{title: x, url: javascript:alert(1)}]",
                27,
                "write it as in 'https://example.org/form'",
            ),
        )
    },
    **SYNC_BY_SCHEMA,
    **NOTIFY_BY_SCHEMA,
    **CHANNEL_BY_SCHEMA,
}

NEVER = {rule for rule, (change, _, _) in REFUSED_BY_SCHEMA.items() if not change}
"""Rules that no file can break: a key of YAML is always text."""


def changed(text: str, change: str) -> str:
    """``+more`` is added at the end, ``=old=new`` replaced once, and anything else is the whole file."""
    if change.startswith("+"):
        return text + change[1:]
    if change.startswith("="):
        old, new = change[1:].split("=", 1)
        assert old in text
        return text.replace(old, new, 1)
    return change


@pytest.mark.parametrize("rule", sorted(REFUSED_BY_SCHEMA.keys() - NEVER))
def test_what_a_rule_of_the_schema_refuses_is_told_with_its_place(rule: str, tmp_path: Path) -> None:
    change, place, said = REFUSED_BY_SCHEMA[rule]
    found = refused(tmp_path, changed(SMALL, change))
    assert [line for line in found if line.startswith(f"service.yml:{place}: error [") and said in line], found


def test_every_rule_of_the_schema_has_a_refused_example() -> None:
    schema = json.loads((ROOT / "schemas" / "service.json").read_text(encoding="utf-8"))
    rules = set(_rules(schema, schema))
    assert rules - REFUSED_BY_SCHEMA.keys() == set(), "rules without an example"
    assert REFUSED_BY_SCHEMA.keys() - rules == set(), "examples without a rule"
    assert {rule.rpartition("propertyNames/")[2] for rule in NEVER} == {"type"}


WORDS_FOR_PEOPLE = {"$schema", "$id", "$defs", "title", "description", "examples"}


def _rules(node: Any, schema: Any, where: str = "") -> Iterator[str]:
    """Every constraint of the schema as its path. What a property's $ref names counts for each property."""
    for word, rule in node.items():
        if word in WORDS_FOR_PEOPLE:
            continue
        if word == "$ref":
            yield from _rules(schema["$defs"][rule.removeprefix("#/$defs/")], schema, where)
        elif word == "properties":
            for name, inner in rule.items():
                yield from _rules(inner, schema, f"{where}{name}/")
        elif word == "anyOf":
            yield f"{where}anyOf"
            for index, inner in enumerate(rule):
                yield from _rules(inner, schema, f"{where}anyOf/{index}/")
        elif isinstance(rule, dict):
            yield from _rules(rule, schema, f"{where}{word}/")
        else:
            yield f"{where}{word}"


def test_every_property_of_the_schema_is_explained_and_nothing_is_fetched() -> None:
    text = (ROOT / "schemas" / "service.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    assert schema["$id"] == "https://mirrorlist.example.org/schemas/service.json"
    nodes = list(_nodes(schema))
    for node in nodes:
        assert node.get("$ref", "#/$defs/").startswith("#/$defs/")
        assert node.get("type") != "object" or "additionalProperties" in node
        for inner in [*node.get("properties", {}).values(), node.get("additionalProperties"), node.get("items")]:
            if isinstance(inner, dict):
                assert inner["title"]
                assert inner["description"].endswith(".")


def _nodes(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _nodes(inner)


REFUSED_BY_CHECK: dict[str, list[tuple[str, str, str, str]]] = {
    # The check: the file, the change, where the fault is, and what is said.
    "current_minors": [
        (
            "large",
            '="9": "9.8"="9": "9.9"',
            "3:8",
            "[unknown-version] duplicated_versions.9 is '9.9', which versions does not name; did you mean '9.8'?",
        ),
        (
            "large",
            '="10": "10.2"="10": "9.8"',
            "4:9",
            "[wrong-major] duplicated_versions.10 is '9.8', which is no version of '10'; write one that is",
        ),
        (
            "large",
            '="9": "9.8"="11": "11.1"',
            "3:9",
            "[unknown-version] duplicated_versions.11 is '11.1', which versions does not name; add it there",
        ),
    ],
    "image_paths": [
        (
            "small",
            "+images: [{path: isos/../x.iso}]\n",
            "6:17",
            "[bad-path] images[0].path is 'isos/../x.iso', which has a . or .. in it",
        ),
        (
            "small",
            "+images: [{path: 'isos/{arch}/x.iso'}]\n",
            "6:17",
            "[bad-path] images[0].path is 'isos/{arch}/x.iso', in which more varies than {version} and $basearch",
        ),
        (
            "small",
            "+images: [{path: isos/$arch.iso}]\n",
            "6:17",
            "[bad-path] images[0].path is 'isos/$arch.iso', in which more varies",
        ),
    ],
    "image_versions": [
        (
            "large",
            "+images: [{path: a.iso, versions: ['9.9']}]\n",
            "16:35",
            "[unknown-version] images[0].versions[0] is '9.9', which is no version that mirrors carry; did you mean",
        ),
        (
            "large",
            "+images: [{path: a.iso, versions: ['9.8-beta']}]\n",
            "16:35",
            "[unknown-version] images[0].versions[0] is '9.8-beta', which is no version that mirrors carry",
        ),
    ],
    "image_arches": [
        (
            "small",
            "+images: [{path: a.iso, arches: [x86-64]}]\n",
            "6:33",
            "[unknown-arch] images[0].arches[0] is 'x86-64', which no version has; did you mean 'x86_64'?",
        ),
    ],
    "versions_of_one_kind": [
        (
            "large",
            '=["9", "9.8", =["9", "9.8", "10-kitten", ',
            "1:24",
            "[version-twice] versions[2] is '10-kitten', which is the module kitten's; remove it here",
        ),
        (
            "large",
            '=["9.7", =["9.8", ',
            "6:18",
            "[version-twice] vault_versions[0] is '9.8', which mirrors carry too; remove it here or in versions",
        ),
        (
            "large",
            '=["9.7", =["10-kitten", ',
            "6:18",
            "[version-twice] vault_versions[0] is '10-kitten', which is the module kitten's; remove it here",
        ),
    ],
    "vault_is_older": [
        (
            "large",
            '=["9.7", =["9.10", ',
            "6:18",
            "[vault-too-new] vault_versions[0] is '9.10', which is newer than the current 9.8; name it under versions",
        ),
    ],
    "vault_has_address": [
        (
            "large",
            "=vault_mirror: https://vault.example.org/linux\n=",
            "6:1",
            "[no-vault] vault_versions is given without vault_mirror; add vault_mirror with the vault's address",
        ),
        (
            "small",
            "+    vault: yes\n",
            "6:12",
            "[no-vault] repos[0].vault is true without vault_mirror; add vault_mirror with the vault's address",
        ),
    ],
    "versions_have_arches": [
        (
            "small",
            '=["9"]=["9", "10"]',
            "1:17",
            "[no-arches] versions[1] is '10', for which there are no architectures; add '10' to arches",
        ),
        (
            "large",
            '=["9.7", =["8.3", ',
            "6:18",
            "[no-arches] vault_versions[0] is '8.3', for which there are no architectures; add '8' to arches",
        ),
        (
            "large",
            '={kitten: ["10"]}={kitten: ["10", "9"]}',
            "5:43",
            "[no-arches] optional_module_versions.kitten[1] is '9', for which there are no architectures; "
            "add '9-kitten' to arches",
        ),
    ],
    "arches_have_versions": [
        (
            "small",
            '={"9": [x86_64]}={"9": [x86_64], "9.8": [x86_64]}',
            "2:25",
            "[unknown-version] arches.9.8 is never looked up; write 9, or remove it",
        ),
    ],
    "repository_names": [
        (
            "small",
            "+  - {name: baseos, path: x}\n",
            "6:12",
            "[duplicate-name] repos[1].name is 'baseos', as in line 4 already; write another name or remove one",
        ),
    ],
    "repository_paths": [
        (
            "small",
            "=BaseOS/$basearch/os/=BaseOS/{version}/",
            "5:11",
            "[bad-path] repos[0].path is 'BaseOS/{version}/', which has braces",
        ),
        (
            "small",
            "=BaseOS/$basearch/os/=BaseOS/../x/",
            "5:11",
            "[bad-path] repos[0].path is 'BaseOS/../x/', which has a . or .. in it",
        ),
        ("small", "=BaseOS/$basearch/os/=.", "5:11", "[bad-path] repos[0].path is '.', which has a . or .. in it"),
        (
            "small",
            "=$basearch=$releasever",
            "5:11",
            "[bad-path] repos[0].path is 'BaseOS/$releasever/os/', which has a $ that is none of $basearch",
        ),
    ],
    "repository_versions": [
        (
            "large",
            '=versions: ["9.8"]=versions: ["9.8", "9.9"]',
            "14:60",
            "[unknown-version] repos[1].versions[1] is '9.9', which is no version of this file; did you mean",
        ),
        (
            "small",
            "+    versions: [rawhide]\n",
            "6:16",
            "[unknown-version] repos[0].versions[0] is 'rawhide', which is no version of this file; add it to",
        ),
    ],
    "repository_arches": [
        (
            "small",
            "+    arches: [x86-64]\n",
            "6:14",
            "[unknown-arch] repos[0].arches[0] is 'x86-64', which no version has; did you mean 'x86_64'?",
        ),
        (
            "small",
            "+    arches: [s390x]\n",
            "6:14",
            "[unknown-arch] repos[0].arches[0] is 's390x', which no version has; add it to arches or remove it",
        ),
    ],
    "aliases_lead_somewhere": [
        (
            "small",
            "+aliases: {'os-{version}': basos}\n",
            "6:27",
            "[unknown-repository] aliases.os-{version} is 'basos', which is no repository of this file; did you mean",
        ),
        (
            "small",
            "+aliases: {'{version}-{version}': baseos}\n",
            "6:11",
            "[bad-alias] aliases has the key '{version}-{version}'; write {version} once, and no other braces",
        ),
        ("small", "+aliases: {'os-{arch}': baseos}\n", "6:11", "[bad-alias] aliases has the key 'os-{arch}'"),
    ],
    "main_is_no_option": [
        (
            "small",
            "+optional_module_versions: {main: ['9']}\n",
            "6:28",
            "[reserved-name] optional_module_versions.main is the distribution itself",
        ),
    ],
    "modules_exist": [
        ("small", "+file_lists: {kiten: a}\n", "6:14", "[unknown-module] file_lists.kiten is not a known module"),
        (
            "large",
            "+origin: {kiten: /srv}\n",
            "16:10",
            "[unknown-module] origin.kiten is not a known module; did you mean 'kitten'?",
        ),
        (
            "small",
            "+fallbacks: {images: [https://a.example/]}\n",
            "6:13",
            "[unknown-module] fallbacks.images is not a known module; describe it under modules",
        ),
    ],
    "addresses": [
        ("small", "+vault_mirror: https://a.example:99999/\n", "6:15", "[bad-url] vault_mirror 'https://a.example:99"),
        ("small", "+vault_mirror: [https://a.example/?x]\n", "6:16", "[bad-url] vault_mirror[0] 'https://a.example/"),
        ("small", "+fallbacks: [https://me:pw@a.example/]\n", "6:13", "[bad-url] fallbacks[0] 'https://***@a.exam"),
        ("small", "+fallbacks: {main: ['https:///x']}\n", "6:20", "[bad-url] fallbacks.main[0] 'https:///x' names no"),
        ("small", "+origin: https://a.example/#x\n", "6:9", "[bad-url] origin 'https://a.example/#x' has a fragment"),
        ("small", "+origin: {main: 'https://[::1/'}\n", "6:16", "[bad-url] origin.main 'https://[::1/' names no host"),
    ],
    "origins_are_readable": [
        (
            "small",
            "+origin: rsync://origin.example.org/linux/\n",
            "6:9",
            "[bad-url] origin is 'rsync://origin.example.org/linux/'; write a directory, or an address that begins",
        ),
        ("small", "+origin: {main: file:///srv}\n", "6:16", "[bad-url] origin.main is 'file:///srv'; write a direct"),
    ],
    "bands_increase": [
        (
            "small",
            "+policy: {bands_km: [100, 500, 250]}\n",
            "6:31",
            "[not-increasing] policy.bands_km[2] is 250, after 500; write the distances from the smallest to the",
        ),
        ("small", "+policy: {bands_km: [100, 100]}\n", "6:26", "[not-increasing] policy.bands_km[1] is 100, after 1"),
    ],
    "proxies_are_networks": [
        (
            "small",
            "+trusted_proxies: [10.0.0.1/8]\n",
            "6:19",
            "[host-bits] trusted_proxies[0] is '10.0.0.1/8', which has host bits set; write 10.0.0.0/8",
        ),
        (
            "small",
            "+trusted_proxies: [unix, localhost]\n",
            "6:25",
            "[bad-network] trusted_proxies[1] is 'localhost'; write a network such as 192.0.2.0/24, an address, or",
        ),
        ("small", "+trusted_proxies: ['fe80::1%eth0']\n", "6:19", "[bad-network] trusted_proxies[0] is 'fe80::1%eth0"),
        ("small", "+trusted_proxies: [192.0.2.0/33]\n", "6:19", "[bad-network] trusted_proxies[0] is '192.0.2.0/33'"),
    ],
    "intranet_networks_are_networks": [
        (
            "small",
            "+intranet_networks: [10.0.0.0/8]\n",
            "6:1",
            "[not-intranet] intranet_networks is for profile: intranet; write that too, or leave the networks out",
        ),
        (
            "small",
            "+profile: intranet\nintranet_networks: [10.0.0.1/8]\n",
            "7:21",
            "[host-bits] intranet_networks[0] is '10.0.0.1/8', which has host bits set; write 10.0.0.0/8",
        ),
        (
            "small",
            "+profile: intranet\nintranet_networks: [lan]\n",
            "7:21",
            "[bad-network] intranet_networks[0] is 'lan'; write a network such as 10.0.0.0/8",
        ),
    ],
    "downloads_are_complete": [
        (
            "small",
            "+geo: {downloads: [{vendor: url}]}\n",
            "6:19",
            "[bad-download] geo.downloads[0] is without an address; write url",
        ),
        (
            "small",
            "+geo: {downloads: [{vendor: maxmind}]}\n",
            "6:19",
            "[bad-download] geo.downloads[0] is without an account; write account: and its number",
        ),
        (
            "small",
            "+geo: {downloads: [{vendor: dbip, account: 1}]}\n",
            "6:19",
            "[bad-download] geo.downloads[0] is of dbip, which has no accounts; remove account",
        ),
        (
            "small",
            "+geo: {downloads: [{vendor: dbip}, {vendor: dbip}]}\n",
            "6:35",
            "[bad-download] geo.downloads[1] is kept as dbip-city-lite, as is geo.downloads[0]; give one another edition",
        ),
        (
            "small",
            "+geo: {downloads: [{vendor: url, url: 'https:///x'}]}\n",
            "6:38",
            "[bad-url] geo.downloads[0].url 'https:///x'",
        ),
    ],
    "overrides_are_networks": [
        (
            "small",
            "+geo: {overrides: [{prefix: 192.0.2.1/24, asn: 1}]}\n",
            "6:28",
            "[host-bits] geo.overrides[0].prefix is '192.0.2.1/24', which has host bits set; write 192.0.2.0/24",
        ),
        (
            "small",
            "+geo: {overrides: [{prefix: house, asn: 1}]}\n",
            "6:28",
            "[bad-network] geo.overrides[0].prefix is 'house'; write a network such as 192.0.2.0/24",
        ),
        (
            "small",
            "+geo: {overrides: [{prefix: '2001:db8:0:1:8::/80', asn: 1}]}\n",
            "6:28",
            "[bad-network] geo.overrides[0].prefix is '2001:db8:0:1:8::/80', but places are kept for each /64; "
            "write 2001:db8:0:1::/64",
        ),
        (
            "small",
            "+geo: {overrides: [{prefix: 192.0.2.1, asn: 1}, {prefix: 192.0.2.1/32, country: DE}]}\n",
            "6:57",
            "[override-twice] geo.overrides[1].prefix is '192.0.2.1/32', as in geo.overrides[0]; put both into one",
        ),
    ],
    "vantages_are_known": [
        (
            "small",
            "+vantages: {a: {country: XX}}\n",
            "6:25",
            "[unknown-country] vantages.a.country is 'XX', which is no country's code; write one of ISO 3166",
        ),
        (
            "small",
            "+vantages: {a: {country: DE, key: KEY}, b: {country: FR, key: KEY}}\n".replace("KEY", VANTAGE_KEY),
            "6:103",
            "[bad-vantage] vantages.b.key is that of a too; one volunteer would vote twice: ask for a key for each",
        ),
    ],
    "reach_names_exist": [
        (
            "small",
            "+reach: {QQ: {US: never}}\n",
            "6:9",
            "[bad-reach] reach.QQ names QQ, which is no country's code; write one of ISO 3166",
        ),
        (
            "small",
            "+reach: {IR: {XX: +100}}\n",
            "6:14",
            "[bad-reach] reach.IR.XX names XX, which is no country's code; write one of ISO 3166",
        ),
        (
            "small",
            "+reach: {AS4294967296: {US: never}}\n",
            "6:9",
            "[bad-reach] reach.AS4294967296 names AS4294967296, which is no AS; the largest number is 4294967295",
        ),
        (
            "small",
            "+reach: {IR: {as64500: never}}\n",
            "6:14",
            "[bad-reach] reach.IR.as64500 names as64500, which is no mirror's name; an AS is written AS64500",
        ),
    ],
    "overrides_are_places": [
        (
            "small",
            "+geo: {overrides: [{prefix: 192.0.2.0/24, country: UK}]}\n",
            "6:51",
            "[unknown-country] geo.overrides[0].country is 'UK', which is no country's code; write GB",
        ),
        (
            "small",
            "+geo: {overrides: [{prefix: 192.0.2.0/24, country: QQ}]}\n",
            "6:51",
            "[unknown-country] geo.overrides[0].country is 'QQ', which is no country's code; write its ISO",
        ),
        (
            "small",
            "+geo: {overrides: [{prefix: 192.0.2.0/24, country: DE, city: Springfield-on-Nowhere}]}\n",
            "6:61",
            "[unknown-city] geo.overrides[0].city is 'Springfield-on-Nowhere', which is not known in DE; write lat",
        ),
    ],
    "repositories_exist": [
        (
            "large",
            '=versions: ["9.8"]=versions: ["10.2"]',
            "14:12",
            "[exists-nowhere] repos[1].name is 'crb', which none of its versions has an architecture for",
        ),
    ],
    "aliases_are_used": [
        (
            "small",
            "+aliases: {'baseos-{version}': baseos}\n",
            "6:11",
            "[bad-alias] aliases.baseos-{version} means 'baseos-9', which is a repository's name; write another",
        ),
    ],
    "trees_have_modules": [
        (
            "small",
            "+trees: [{path: /dl/, module: mian}]\n",
            "6:30",
            "[unknown-module] trees[0].module is 'mian', which is not a known module; did you mean 'main'?",
        ),
    ],
    "trees_leave_the_service_alone": [
        (
            "small",
            "+trees: [{path: /metalink, module: main}]\n",
            "6:16",
            "[reserved-path] trees[0].path is '/metalink', where the service itself answers; write another path, or "
            "give the tree a host",
        ),
        (
            "small",
            "+trees: [{path: /static/dl/, module: main}]\n",
            "6:16",
            "[reserved-path] trees[0].path is '/static/dl/', where the service itself answers",
        ),
        ("small", "+trees: [{path: /, module: main}]\n", "6:16", "[reserved-path] trees[0].path is '/', where"),
    ],
    "trees_are_apart": [
        (
            "small",
            "+trees: [{path: /dl, module: main}, {path: /x, host: a.b, module: main}, {path: /dl/, module: main}]\n",
            "6:80",
            "[tree-twice] trees[2].path is '/dl/', as in trees[0]; write another path or another host",
        ),
    ],
    "trees_keep_https": [
        (
            "small",
            "+trees: [{path: /dl, module: main, protocol: as_asked, allow_http: true}]\n",
            "6:45",
            "[contradiction] trees[0].protocol is as_asked, but allow_http sends clients from https to http; leave one",
        ),
    ],
    "trees_have_names": [
        (
            "small",
            "+trees: [{path: /dl, module: main, names: not-there.csv}]\n",
            "6:42",
            "[bad-names] trees[0].names is 'not-there.csv', which cannot be read: No such file or directory",
        ),
        (
            "small",
            "+trees: [{path: /dl, module: main, names: service.yml}]\n",
            "6:42",
            "[bad-names] trees[0].names is 'service.yml', which has a line without a path",
        ),
    ],
    "trees_have_origins": [
        (
            "small",
            "+origin: /srv\ntrees: [{path: /dl, module: main, metadata: origin}]\n",
            "7:45",
            "[no-fallback] trees[0].metadata is origin, but no client can ask the origin of main; name an address "
            "under fallbacks",
        ),
        (
            "small",
            "+origin: /srv\ntrees: [{path: /dl, module: main, from_origin: [x]}]\n",
            "7:48",
            "[no-fallback] trees[0].from_origin is given, but no client can ask the origin of main; name an address "
            "under fallbacks",
        ),
    ],
    **SYNC_BY_CHECK,
    **NOTIFY_BY_CHECK,
}


@pytest.mark.parametrize(
    ("base", "change", "place", "said"), [row for rows in REFUSED_BY_CHECK.values() for row in rows]
)
def test_what_a_check_refuses_is_told_with_its_place(
    base: str, change: str, place: str, said: str, tmp_path: Path
) -> None:
    found = refused(tmp_path, changed(BOTH[base], change))
    assert [line for line in found if line.startswith(f"service.yml:{place}: error {said}")], found


def test_every_check_and_code_has_a_refused_example() -> None:
    names = {check.__name__ for check in (*CHECKS, *CATALOGUE_CHECKS, *WHOLE_CATALOGUE_CHECKS)}
    assert names == REFUSED_BY_CHECK.keys()
    told = " ".join(said for rows in REFUSED_BY_CHECK.values() for *_, said in rows)
    assert [code for code in ServiceCode if f"[{code}]" not in told] == [
        ServiceCode.OUTSIDE_FILE, ServiceCode.TRUSTS_STRANGERS,
    ]  # fmt: skip  # warnings


def test_what_a_proposal_names_outside_of_its_directory_is_a_warning_and_not_opened(tmp_path: Path) -> None:
    inside, outside = tmp_path / "checkout", tmp_path / "outside"
    inside.mkdir()
    (inside / "in.csv").write_text("a|b.iso\n")
    outside.write_text("no table")
    (inside / "link").symlink_to(outside)
    trees = ", ".join(f"{{path: /{at}, module: main, names: {at}}}" for at in ("in.csv", "link"))
    named = f"trees: [{trees}]\ngeo: {{databases: [../outside, a.mmdb, link, /dev/zero], clouds: {{aws: {outside}}}}}\n"
    (inside / "service.yml").write_text(BOTH["small"] + named)

    service, warnings = read_service(inside / "service.yml", within=inside)

    assert [tree.names for tree in service.trees] == [{"a": "b.iso"}, {}]
    assert (service.geo.databases, service.geo.clouds) == ((str(inside / "a.mmdb"),), {})
    assert [str(each).partition("[outside-file] ")[2].partition(" is ")[0] for each in warnings] == [
        "geo.databases[0]", "geo.databases[2]", "geo.databases[3]", "geo.clouds.aws", "trees[1].names",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("network", "is_wide"),
    [
        ("0.0.0.0/0", True), ("128.0.0.0/1", True), ("10.0.0.0/7", True), ("10.0.0.0/8", False), ("::/0", True),
        ("2000::/3", True), ("2001::/16", False), ("fc00::/7", False), ("fe80::/10", False),
        ("::ffff:0:0/97", True), ("::ffff:10.0.0.0/104", False), ("unix", False), ("192.0.2.1", False), ("::1", False),
    ],
)  # fmt: skip
def test_trusting_whole_parts_of_the_internet_is_a_warning(network: str, is_wide: bool, tmp_path: Path) -> None:
    service, warnings = read(tmp_path, SMALL + f"trusted_proxies: [192.0.2.2, '{network}']\n")
    assert len(service.trusted_proxies) == 2
    assert [str(each).partition("service.yml:")[2] for each in warnings] == (
        [f"6:30: warning [trusts-strangers] trusted_proxies[1] is '{network}': strangers there choose whom they pose as; "
         "name your proxy"] if is_wide else []
    )  # fmt: skip


@pytest.mark.parametrize("text", BOTH.values(), ids=BOTH)
def test_the_files_that_the_examples_spoil_are_without_a_finding(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, text)[1] == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "1:1: error [empty-file]"),
        (b"versions: [\n", "error [yaml-syntax]"),
        (b"- a\n", "1:1: error [not-a-mapping]"),
        (b"a: \xff\n", "1:4: error [not-utf8]"),
        (b"a: &x 1\nb: *x\n", "1:4: error [yaml-alias]"),
        (b"a: !!python/object:os.system x\n", "1:4: error [yaml-tag]"),
        (b"a: 1\n---\nb: 1\n", "2:1: error [several-documents]"),
        (b"a: \x00\n", "1:4: error [control-character]"),
        (b"#" * (MAX_BYTES + 1), "1:1: error [file-too-large]"),
    ],
)
def test_what_is_no_usable_yaml_is_refused(text: bytes, said: str, tmp_path: Path) -> None:
    found = refused(tmp_path, text)
    assert len(found) == 1
    assert said in found[0]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ServiceFileError, match=r"service.yml:1:1: error \[unreadable-file\] .*No such file"):
        read_service(tmp_path / "service.yml")


def test_a_directory_is_no_service_file(tmp_path: Path) -> None:
    with pytest.raises(ServiceFileError, match=r"1:1: error \[not-a-regular-file\]"):
        read_service(tmp_path)


def test_all_faults_are_told_at_once_and_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = SMALL + "profile: internal\nnames: x\npolicy:\n  limit: 0\n  turn: soon\n"
    places = [line.split(" ", 1)[0] for line in refused(tmp_path, text)]
    assert places == [f"service.yml:{place}:" for place in ("6:10", "7:1", "9:10", "10:9")]


@pytest.mark.parametrize(("base", "change"), [row[:2] for rows in REFUSED_BY_CHECK.values() for row in rows])
def test_what_checks_refuse_is_told_beside_an_unknown_key(base: str, change: str, tmp_path: Path) -> None:
    text = changed(BOTH[base], change)
    text += "" if text.endswith("\n") else "\n"
    line = len(text.splitlines()) + 1
    unknown = f"service.yml:{line}:1: error [unknown-key] polcy is not a known key; did you mean 'policy'?"
    assert refused(tmp_path, f"{text}polcy: 1\n") == [*refused(tmp_path, text), unknown]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("name: 5\ntrusted_proxies: [x]\n", ["wrong-type", "bad-network"]),
        ("policy: {limit: 0, bands_km: [5, 3]}\n", ["out-of-range", "not-increasing"]),
        ("fallbacks: {mian: ['https://a.example/']}\nname: 5\n", ["unknown-module", "wrong-type"]),
        ("fallbacks: {mian: ['https://a.example/']}\nmodules: 5\n", ["wrong-type"]),  # mian may be one of them
        ("trees: [{path: /a/, module: mian}, {pth: /b/}]\n", ["missing-key", "missing-key", "unknown-key"]),
    ],
)
def test_faults_of_one_kind_hide_none_of_another_and_make_no_more(text: str, codes: list[str], tmp_path: Path) -> None:
    assert [line.split("[")[1].split("]")[0] for line in refused(tmp_path, SMALL + text)] == codes


def test_without_a_needed_key_the_rest_is_judged(tmp_path: Path) -> None:
    text = "repos: [{name: baseos}]\naliases: {x: none}\ntrusted_proxies: [x]\n"
    codes = [line.split("[")[1].split("]")[0] for line in refused(tmp_path, text)]
    assert sorted(codes) == ["bad-network", "missing-key", "missing-key", "missing-key"]


def test_a_place_is_right_in_a_file_with_bom_and_crlf(tmp_path: Path) -> None:
    text = "\ufeff" + (SMALL + "policy:\n  bands_km: [1,\n    0]\n").replace("\n", "\r\n")
    assert refused(tmp_path, text)[0].startswith("service.yml:8:5: error [out-of-range] policy.bands_km[1] is 0")


def test_a_key_given_twice_is_a_warning_and_the_later_value_counts(tmp_path: Path) -> None:
    service, findings = read(tmp_path, SMALL + "name: One\nname: Two\n")
    assert service.name == "Two"
    assert [(each.line, each.severity, each.code) for each in findings] == [(7, Severity.WARNING, "duplicate-key")]


def test_the_shortest_file_gets_the_usual_values(tmp_path: Path) -> None:
    repository = Repository("baseos", "BaseOS/$basearch/os/")
    assert read(tmp_path, SMALL) == (
        Service(
            name="Linux",
            url=None,
            catalogue=Catalogue(
                versions=("9",), latest={}, arches={"9": ("x86_64",)}, repositories={"baseos": repository}
            ),
            mirrors_dir=str(tmp_path / "mirrors.d"),
            state_dir=str(tmp_path / "state"),
            required_protocols=("http", "https"),
        ),
        (),
    )


def test_every_key_is_read(tmp_path: Path) -> None:
    text = """\
config_version: 3
name: Example Linux
url: https://example.org
allowed_outdate: 90m
mirrors_dir: ../mirrors
state_dir: /var/lib/mirrorlist
versions: ["9", "9.8"]
duplicated_versions: {"9": "9.8"}
optional_module_versions: {kitten: ["10"]}
vault_versions: ["9.7"]
vault_mirror: [https://vault.example.org/linux, http://vault.example.net//old/]
arches: {"9": [x86_64, aarch64], "10-kitten": [x86_64]}
required_protocols: [https]
repos:
  - name: baseos
    path: BaseOS//$basearch/os
  - name: source
    path: source
    versions: ["9.8"]
    arches: [x86_64]
    vault: yes
aliases: {"os-{version}": baseos}
images: [{path: /isos/x.iso, versions: ["9"], arches: [x86_64]}, {path: "isos/{version}-$basearch.iso"}]
modules:
  main: {title: The distribution, rsync: rsync://rsync.example.org/linux/, space_gb: 900, interval: 3h}
  images: {canaries: [a/b.img]}
origin: {main: tree, kitten: "https://origin.example.org/kitten"}
file_lists: {main: lists/fullfiletimelist, kitten: "https://origin.example.org/ls-lR.gz"}
fallbacks: {main: ["https://repo.example.org/linux"], kitten: ["http://repo.example.org/kitten/"]}
trees:
  - {path: /dl, module: main, protocol: as_asked}
  - {path: /, host: dl.example.org, module: kitten, metadata: origin, allow_http: yes}
trusted_proxies: [192.0.2.0/24, 198.51.100.7, "2001:DB8::/32", unix]
geo: {databases: [geo/City.mmdb, /srv/ASN.mmdb], clouds: {aws: geo/aws.json, oci: /srv/oci.json}, overrides: [
  {prefix: 192.0.2.0/24, country: DE, city: Ulm, asn: 64500}, {prefix: "2001:db8::/64", latitude: 1, longitude: -2.5}]}
policy:
  limit: 5
  protocol_order: [http]
  bands_km: [10, 20]
  border_km: 0
  global_km: 900
  far_km: 3000
  weight_cap_mbps: 100
  turn: 1d
  lag_grace: 30m
  release_minimum: 50
  fallback_minimum: 2
  alternates_days: 1.5
  repeat_within: 1m
profile: intranet
sync: {policy: mirrors, sources: [
  {name: Ulm, rsync: {main: rsync://r.example.org/linux}, country: DE, city: Ulm, mirror: mirror.example.org},
  {name: Sea, rsync: {kitten: rsync://r.example.org/kitten/}, web: {kitten: "https://r.example.org/k"},
   latitude: 1, longitude: -2.5}]}
weights: {mirror.example.org: 2, mirror.example.net: 0.5}
vantages:
  berlin-1: {country: DE, key: 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=}
  tehran: {country: IR}
reach: {IR: {US: never, mirror.example.org: +2000}, AS64496: {NO: '+300', AS64500: 5}}
approved: [mirror.example.org]
site:
  url: https://mirrors.example.org
  join_text: |
    Join us.
  contacts: [{title: A form, url: "https://example.org/form"}]
  geo_corrections: [{title: MaxMind, url: "https://example.org/mend"}]
  images: [{title: DVD, file: "x-{version}-{arch}.iso", torrent: x.torrent}, {title: Boot, file: boot.iso}]
  image_checksums: CHECKSUM
"""
    repositories = {
        "baseos": Repository("baseos", "BaseOS/$basearch/os/"),
        "source": Repository("source", "source/", ("9.8",), ("x86_64",), vault=True),
    }
    assert read(tmp_path, text) == (
        Service(
            name="Example Linux",
            url="https://example.org",
            catalogue=Catalogue(
                versions=("9", "9.8"),
                latest={"9": "9.8"},
                arches={"9": ("x86_64", "aarch64"), "10-kitten": ("x86_64",)},
                repositories=repositories,
                module_versions={"kitten": ("10",)},
                vault_versions=("9.7",),
                vault_urls=("https://vault.example.org/linux/", "http://vault.example.net/old/"),
                aliases={"os-{version}": "baseos"},
                plain={"images": ("a/b.img",)},
                images=(Image("/isos/x.iso", ("9",), ("x86_64",)), Image("isos/{version}-$basearch.iso")),
            ),
            mirrors_dir=str(tmp_path / "../mirrors"),
            state_dir="/var/lib/mirrorlist",
            policy=Policy(
                limit=5,
                protocol_order=(Protocol.HTTP,),
                bands_km=(10, 20),
                border_km=0,
                global_km=900,
                far_km=3000,
                weight_cap_mbps=100,
                turn_seconds=86_400,
                lag_grace_seconds=1800,
                release_minimum_percent=50,
                fallback_minimum=2,
                alternates_days=1.5,
                repeat_seconds=60,
                weights={"mirror.example.org": 2.0, "mirror.example.net": 0.5},
                reach=(
                    ReachPair("IR", "US", None),
                    ReachPair("IR", "mirror.example.org", 2000),
                    ReachPair("AS64496", "NO", 300),
                    ReachPair("AS64496", "AS64500", 5),
                ),
            ),
            vantages=(Vantage("berlin-1", "DE", VANTAGE_KEY), Vantage("tehran", "IR")),
            modules={
                "main": Module(
                    title="The distribution",
                    rsync="rsync://rsync.example.org/linux/",
                    space_gb=900,
                    interval_seconds=10_800,
                ),
                "kitten": Module(title="Kitten"),
                "images": Module(title="Images"),
            },
            origins={"main": str(tmp_path / "tree"), "kitten": "https://origin.example.org/kitten/"},
            trees=(
                RedirectTree(prefix="/dl/", module="main", protocol=Keeps.AS_ASKED),
                RedirectTree(
                    prefix="/",
                    module="kitten",
                    host="dl.example.org",
                    metadata=MetadataFrom.ORIGIN,
                    allow_http=True,
                ),
            ),
            file_lists={"main": "lists/fullfiletimelist", "kitten": "https://origin.example.org/ls-lR.gz"},
            trusted_proxies=("192.0.2.0/24", "198.51.100.7/32", "2001:db8::/32", "unix"),
            fallbacks={
                "main": ("https://repo.example.org/linux/",),
                "kitten": ("http://repo.example.org/kitten/",),
            },
            geo=GeoSources(
                databases=(str(tmp_path / "geo/City.mmdb"), "/srv/ASN.mmdb"),
                clouds={"aws": str(tmp_path / "geo/aws.json"), "oci": "/srv/oci.json"},
                overrides=(
                    NetworkOverride(
                        prefix=parse_prefix("192.0.2.0/24")[0],
                        location=Location(
                            country="DE", city="Ulm", latitude=48.4, longitude=9.99, precision_km=CITY_PRECISION_KM
                        ),
                        asn=64500,
                    ),
                    NetworkOverride(
                        prefix=parse_prefix("2001:db8::/64")[0],
                        location=Location(latitude=1.0, longitude=-2.5, precision_km=CITY_PRECISION_KM),
                    ),
                ),
            ),
            profile=Profile.INTRANET,
            allowed_outdate_seconds=5400,
            required_protocols=("https",),
            approved=("mirror.example.org",),
            site=Site(
                url="https://mirrors.example.org/",
                join_text="Join us.",
                contacts=(Link("A form", "https://example.org/form"),),
                geo_corrections=(Link("MaxMind", "https://example.org/mend"),),
                images=(
                    PublishedImage(title="DVD", file="x-{version}-{arch}.iso", torrent="x.torrent"),
                    PublishedImage(title="Boot", file="boot.iso"),
                ),
                image_checksums="CHECKSUM",
            ),
            sync=SyncSources(
                SyncPolicy.MIRRORS,
                (
                    SyncSource(
                        "Ulm",
                        {"main": "rsync://r.example.org/linux/"},
                        Location(country="DE", city="Ulm", latitude=48.4, longitude=9.99),
                        "mirror.example.org",
                    ),
                    SyncSource(
                        "Sea",
                        {"kitten": "rsync://r.example.org/kitten/"},
                        Location(latitude=1.0, longitude=-2.5),
                        web={"kitten": "https://r.example.org/k/"},
                    ),
                ),
            ),
        ),
        (),
    )


@pytest.mark.parametrize(
    ("line", "origins"),
    [
        ("origin: /srv/linux", {"main": "/srv/linux"}),
        ("origin: https://origin.example.org/linux", {"main": "https://origin.example.org/linux/"}),
        ("origin: {main: /srv/linux}", {"main": "/srv/linux"}),
    ],
)
def test_a_plain_origin_is_the_main_modules(line: str, origins: dict[str, str], tmp_path: Path) -> None:
    assert read(tmp_path, f"{SMALL}{line}\n")[0].origins == origins


def test_a_mapped_proxy_is_the_one_of_ipv4_as_its_address_is(tmp_path: Path) -> None:
    proxies = "trusted_proxies: ['::ffff:127.0.0.1', '::ffff:10.0.0.0/104', '::1']\n"
    assert read(tmp_path, SMALL + proxies)[0].trusted_proxies == ("127.0.0.1/32", "10.0.0.0/8", "::1/128")
    overrides = "geo: {overrides: [{prefix: '::ffff:192.0.2.0/120', country: DE}]}\n"
    (override,) = read(tmp_path, SMALL + overrides)[0].geo.overrides
    assert override.prefix == parse_prefix("192.0.2.0/24")[0]


def test_plain_fallbacks_are_the_main_modules(tmp_path: Path) -> None:
    service, _ = read(tmp_path, SMALL + "fallbacks: ['http://a.example']\n")
    assert service.fallbacks == {"main": ("http://a.example/",)}


def test_the_callers_directories_win(tmp_path: Path) -> None:
    path = tmp_path / "service.yml"
    path.write_text(SMALL + "mirrors_dir: a\nstate_dir: b\n")
    service, _ = read_service(path, Path("/srv/mirrors"), Path("here"))
    assert service.mirrors_dir == "/srv/mirrors"
    assert service.state_dir == str(Path.cwd() / "here")


@settings(deadline=None)
@given(st.binary())
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    _reads_or_refuses(tmp_path_factory, data)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 30_000)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["9", "9.8", "10-kitten", "main", "https://a.example/", "http://[", "unix", "1d", "x86_64"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = json.loads((ROOT / "schemas" / "service.json").read_text(encoding="utf-8"))["properties"]


@settings(deadline=None)
@given(key=st.sampled_from(sorted(KEYS)), value=VALUES)
def test_any_value_of_any_key_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: object
) -> None:
    line = json.dumps({key: value}, ensure_ascii=True)[1:-1]
    small = "".join(each for each in SMALL.splitlines(keepends=True) if not each.startswith(f"{key}:"))
    _reads_or_refuses(tmp_path_factory, f"{small}{line}\n".encode())


@settings(deadline=None)
@given(key=st.sampled_from(["name", "versions", "arches", "repos"]), value=VALUES)
def test_any_value_of_a_repository_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: object
) -> None:
    line = json.dumps({key: value})[1:-1]
    _reads_or_refuses(tmp_path_factory, f"{SMALL}    {line}\n".encode())


def _reads_or_refuses(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yml"
    path.write_bytes(data)
    try:
        service, findings = read_service(path)
    except ServiceFileError as error:
        assert any(each.severity is Severity.ERROR for each in error.findings)
    else:
        assert isinstance(service, Service)
        assert all(each.severity is Severity.WARNING for each in findings)


@pytest.fixture(scope="module")
def almalinux() -> Service:
    if not ALMALINUX.is_file():
        pytest.skip("AlmaLinux's config.yml is not part of this repository")
    service, findings = read_service(ALMALINUX)
    assert findings == ()
    return service


@pytest.mark.parametrize(
    ("version", "repository", "path", "vault"),
    [
        ("8", "powertools", "8.10/PowerTools/$basearch/os/", False),
        ("9", "baseos", "9.8/BaseOS/$basearch/os/", False),
        ("9.99", "baseos", "9.8/BaseOS/$basearch/os/", False),
        ("10", "crb", "10.2/CRB/$basearch/os/", False),
        ("10-kitten", "extras-common", "10-kitten/extras-common/$basearch/os/", False),
        ("9.2", "baseos", "9.2/BaseOS/$basearch/os/", True),
        ("8.7-beta", "powertools", "8.7-beta/PowerTools/$basearch/os/", True),
        ("9", "baseos-source", "9.8/BaseOS/Source/", True),
        ("8", "raspberrypi-source", "8.10/raspberrypi/Source/", True),
    ],
)
def test_almalinux_repositories_are_found(
    almalinux: Service, version: str, repository: str, path: str, vault: bool
) -> None:
    found = target(almalinux.catalogue, version, repository)
    assert (found.path, found.vault) == (path, vault)


@pytest.mark.parametrize(
    ("version", "repository"),
    [("9", "powertools"), ("8.2", "baseos"), ("9-beta", "baseos"), ("10-kitten", "crb"), ("9", "nope")],
)
def test_almalinux_has_no_such_repository(almalinux: Service, version: str, repository: str) -> None:
    with pytest.raises(NotFound):
        target(almalinux.catalogue, version, repository)


def test_almalinux_arches_are_a_repositorys_and_a_versions(almalinux: Service) -> None:
    assert target(almalinux.catalogue, "9", "nfv").arches == ("x86_64",)
    assert target(almalinux.catalogue, "9", "resilientstorage").arches == ("x86_64", "ppc64le", "s390x")
    assert "x86_64_v2" in target(almalinux.catalogue, "10", "baseos").arches
    assert "x86_64_v2" not in target(almalinux.catalogue, "9", "baseos").arches


def test_almalinux_settings_are_kept(almalinux: Service) -> None:
    assert almalinux.allowed_outdate_seconds == 43_200
    assert almalinux.catalogue.vault_urls == ("http://vault.almalinux.org/",)
    assert almalinux.origins == {}
    assert list(almalinux.modules) == ["main", "kitten"]
    assert Path(almalinux.mirrors_dir) == ALMALINUX.parent / "mirrors.d"


def test_every_key_and_code_is_in_the_documentation() -> None:
    text = (ROOT / "docs" / "service-yml.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `")}
    schema = json.loads((ROOT / "schemas" / "service.json").read_text(encoding="utf-8"))
    assert rows == {*_keys(schema, schema), *ServiceCode}


def _keys(node: Any, schema: Any, where: str = "") -> Iterator[str]:
    """The keys of the file as the documentation spells them: ``repos[].name``, ``modules.<module>.title``."""
    for key, inner in node.get("properties", {}).items():
        yield f"{where}{key}"
        yield from _keys(inner, schema, f"{where}{key}.")
    if "properties" in node.get("items", {}):
        yield from _keys(node["items"], schema, f"{where.removesuffix('.')}[].")
    if isinstance(node.get("additionalProperties"), dict):
        named = "<module>" if where.startswith("modules") else "<name>"
        yield from _keys(node["additionalProperties"], schema, f"{where}{named}.")


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("'0'", 0), ("2m", 120), ("45s", 45)])
def test_repeated_requests_may_be_left_alone(tmp_path: Path, text: str, seconds: int) -> None:
    assert read(tmp_path, SMALL + f"policy: {{repeat_within: {text}}}\n")[0].policy.repeat_seconds == seconds


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("'0'", 0), ("6h", 21_600), ("45s", 45)])
def test_the_longest_grace_may_be_nothing(tmp_path: Path, text: str, seconds: int) -> None:
    assert read(tmp_path, SMALL + f"policy: {{lag_grace: {text}}}\n")[0].policy.lag_grace_seconds == seconds


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ("", ContentKind.RPM),
        ("path: /debian/", ContentKind.APT),
        ("path: /arch/$repo/os/$arch/", ContentKind.PACMAN),
        ("path: /arch/$repo/os/$arch/, suites: [core]", ContentKind.PACMAN),
        ("path: '/alpine/{version}/main/'", ContentKind.APK),
        ("path: /tools/, suites: [stable]", ContentKind.APT),
        ("path: /tools/, clients: [apk]", ContentKind.APK),
        ("path: /tools/, clients: [pacman], suites: [a]", ContentKind.PACMAN),
        ("path: /tools/, canaries: [a.bin]", ContentKind.PLAIN),
        ("path: /debian/, kind: rpm", ContentKind.RPM),
    ],
)
def test_the_kind_of_a_repository_is_what_is_written_or_what_its_path_suggests(
    more: str, kind: ContentKind, tmp_path: Path
) -> None:
    path = tmp_path / "service.yml"
    written = more or "path: BaseOS/$basearch/os/"
    path.write_text(f'versions: ["9"]\narches: {{"9": [x86_64]}}\nrepos: [{{name: one, {written}}}]\n')
    service, findings = read_service(path)
    assert (service.catalogue.repositories["one"].kind, findings) == (kind, ())
