"""Refused examples of the key ``sync`` of service.yml; ``@`` stands before the value that is told."""

from __future__ import annotations

GOOD = "name: a, rsync: {main: rsync://a.example/l/}"


def _row(text: str, said: str) -> tuple[str, str, str]:
    """The change below a file of five lines, the place of the mark, and what is said."""
    return f"+{text.replace('@', '', 1)}\n", f"6:{text.index('@') + 1}", said


def _source(more: str, said: str, good: str = GOOD) -> tuple[str, str, str]:
    return _row(f"sync: {{sources: [{{{good}, {more}}}]}}", said)


def _checked(text: str, said: str) -> tuple[str, str, str, str]:
    change, place, told = _row(text, said)
    return "small", change, place, told


SYNC_BY_SCHEMA: dict[str, tuple[str, str, str]] = {
    "sync/type": _row("sync: @rsync", "sync is 'rsync'; write keys and values"),
    "sync/additionalProperties": _row("sync: {@source: []}", "did you mean 'sources'?"),
    "sync/policy/enum": _row("sync: {policy: @neerest}", "did you mean 'nearest'?"),
    "sync/sources/type": _row("sync: {sources: @a}", "sync.sources is 'a'; write a list"),
    "sync/sources/maxItems": _row(f"sync: {{sources: @[{', '.join(['{}'] * 101)}]}}", "write at most 100"),
    "sync/sources/items/type": _row("sync: {sources: [@a]}", "sync.sources[0] is 'a'; write keys and values"),
    "sync/sources/items/required": _row("sync: {sources: [@{name: a}]}", "rsync"),
    "sync/sources/items/additionalProperties": _source("@nmae: a", "did you mean 'name'?"),
    "sync/sources/items/dependentRequired/city": _source("@city: Ulm", "is without 'country'"),
    "sync/sources/items/dependentRequired/latitude": _source("@latitude: 1", "is without 'longitude'"),
    "sync/sources/items/dependentRequired/longitude": _source("@longitude: 1", "is without 'latitude'"),
    "sync/sources/items/name/type": _source(
        "name: @5", "is 5; put it in quotes", "rsync: {main: rsync://a.example/l/}"
    ),
    "sync/sources/items/name/minLength": _source("name: @''", "at least 1", "rsync: {main: rsync://a.example/l/}"),
    "sync/sources/items/name/maxLength": _source(
        f"name: @{'x' * 101}", "write at most 100", "rsync: {main: rsync://a.example/l/}"
    ),
    "sync/sources/items/rsync/type": _source("rsync: @a", "is 'a'; write keys and values", "name: a"),
    "sync/sources/items/rsync/minProperties": _source("rsync: @{}", "write at least 1", "name: a"),
    "sync/sources/items/rsync/propertyNames/type": ("", "", ""),
    "sync/sources/items/rsync/propertyNames/maxLength": _source(
        f"rsync: {{@{'x' * 41}: rsync://a.example/l/}}", "has the key", "name: a"
    ),
    "sync/sources/items/rsync/propertyNames/pattern": _source(
        "rsync: {@Main: rsync://a.example/l/}", "has the key 'Main'", "name: a"
    ),
    "sync/sources/items/rsync/additionalProperties/type": _source("rsync: {main: @5}", "put it in quotes", "name: a"),
    "sync/sources/items/rsync/additionalProperties/maxLength": _source(
        f"rsync: {{main: @rsync://{'x' * 500}}}", "write at most 500", "name: a"
    ),
    "sync/sources/items/rsync/additionalProperties/pattern": _source(
        "rsync: {main: @'https://a.example/'}", "write it as in 'rsync://rsync-fra.example.org/linux/'", "name: a"
    ),
    "sync/sources/items/web/type": _source("web: @a", "is 'a'; write keys and values"),
    "sync/sources/items/web/minProperties": _source("web: @{}", "write at least 1"),
    "sync/sources/items/web/propertyNames/type": ("", "", ""),
    "sync/sources/items/web/propertyNames/maxLength": _source(
        f"web: {{@{'x' * 41}: https://a.example/l/}}", "has the key"
    ),
    "sync/sources/items/web/propertyNames/pattern": _source("web: {@Main: https://a.example/l/}", "has the key 'Main'"),
    "sync/sources/items/web/additionalProperties/type": _source("web: {main: @5}", "put it in quotes"),
    "sync/sources/items/web/additionalProperties/maxLength": _source(
        f"web: {{main: @https://{'x' * 500}}}", "write at most 500"
    ),
    "sync/sources/items/web/additionalProperties/pattern": _source(
        "web: {main: @'rsync://a.example/'}", "write it as in 'https://rsync-fra.example.org/linux/'"
    ),
    "sync/sources/items/country/type": _source("country: @5", "country is 5; put it in quotes"),
    "sync/sources/items/country/pattern": _source("country: @de", "country is 'de'; write it as in 'DE'"),
    "sync/sources/items/city/type": _source("country: DE, city: @5", "city is 5; put it in quotes"),
    "sync/sources/items/city/minLength": _source("country: DE, city: @''", "at least 1"),
    "sync/sources/items/city/maxLength": _source(f"country: DE, city: @{'x' * 101}", "write at most 100"),
    **{
        f"sync/sources/items/{key}/{rule}": _source(f"{other}: 1, {key}: @{value}", f"{key} is")
        for key, other, most in (("latitude", "longitude", 90), ("longitude", "latitude", 180))
        for rule, value in (("type", "x"), ("minimum", -most - 0.5), ("maximum", most + 0.5))
    },
    "sync/sources/items/mirror/type": _source("mirror: @5", "mirror is 5; put it in quotes"),
    "sync/sources/items/mirror/maxLength": _source(f"mirror: @{'x' * 254}", "write at most 253"),
    "sync/sources/items/mirror/pattern": _source("mirror: @https://a.example/", "as in 'mirror.example.org'"),
}

SYNC_BY_CHECK: dict[str, list[tuple[str, str, str, str]]] = {
    "sources_are_apart": [
        _checked(
            f"sync: {{sources: [{{{GOOD}}}, {{name: @a, rsync: {{main: rsync://b.example/l/}}}}]}}",
            "[source-twice] sync.sources[1].name is 'a', as in sync.sources[0]; write another name",
        ),
    ],
    "sources_have_modules": [
        _checked(
            f"sync: {{sources: [{{{GOOD}, web: {{@other: https://a.example/l/}}}}]}}",
            "[unknown-module] sync.sources[0].web.other is not a known module",
        ),
        _checked(
            f"sync: {{sources: [{{{GOOD}, web: {{main: @https://u:p@a.example/l/}}}}]}}",
            "[bad-url] sync.sources[0].web.main",
        ),
        _checked(
            "sync: {sources: [{name: a, rsync: {@mian: rsync://a.example/l/}}]}",
            "[unknown-module] sync.sources[0].rsync.mian is not a known module; did you mean 'main'?",
        ),
        _checked(
            "sync: {sources: [{name: a, rsync: {main: @rsync://u@a.example/l/}}]}",
            "[bad-url] sync.sources[0].rsync.main 'rsync://u@a.example/l/' has a user name or password",
        ),
        _checked("sync: {sources: [{name: a, rsync: {main: @'rsync://a/$(id)/'}}]}", "[bad-url]"),
        _checked("sync: {sources: [{name: a, rsync: {main: @'rsync://;id/l/'}}]}", "[bad-url]"),
    ],
    "sources_are_places": [
        _checked(
            f"sync: {{sources: [{{{GOOD}, country: @UK}}]}}",
            "[unknown-country] sync.sources[0].country is 'UK', which is no country's code; write GB",
        ),
        _checked(
            f"sync: {{sources: [{{{GOOD}, country: DE, city: @Atlantis}}]}}",
            "[unknown-city] sync.sources[0].city is 'Atlantis', which is not known in DE; write latitude",
        ),
    ],
}
