"""JSON Schemas of the package: load and compile them once, and validate documents.

To add one: a file in schemas/; its name without ``.json`` is the name used here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Any, cast

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from mirrorlist.core.errors import Finding, Severity
from mirrorlist.sources.yaml.documents import BOOLEAN_WORDS, Code, Document, Value, finding
from mirrorlist.sources.yaml.schema_messages import SchemaFault, faults

Schema = Mapping[str, Any]

MAX_COMPLAINTS = 100
"""Nobody reads more, and looking for them takes time that an unkind file should not get."""


@cache
def load_schema(name: str) -> Schema:
    """The schema ``schemas/<name>.json`` of the package."""
    text = files("mirrorlist").joinpath("schemas", f"{name}.json").read_text(encoding="utf-8")
    schema: Schema = json.loads(text)
    return schema


def with_booleans(document: Document, name: str) -> Document:
    """The document with yes, no, on and off as booleans wherever the schema wants a boolean."""
    schema = load_schema(name)
    root = {key: _coerced(value, entry(name, schema, key), name) for key, value in (document.root or {}).items()}
    return replace(document, root=root)


def refused(document: Document, name: str) -> list[SchemaFault]:
    """What the schema refuses in a document, with pointers into it; of very many faults only some.

    A missing key is reported at the mapping that lacks it, an unknown one at the key, the rest at the value. Of a value
    of the wrong type nothing else is reported.
    """
    complaints = (fault for error in _validator(name).iter_errors(document.root) for fault in faults(error))
    some = list(islice(complaints, MAX_COMPLAINTS))
    wrong = {fault.pointer for fault in some if fault.code is Code.WRONG_TYPE}
    return [fault for fault in some if fault.code is Code.WRONG_TYPE or fault.pointer not in wrong]


def findings_on(document: Document, found: Iterable[SchemaFault]) -> tuple[Finding, ...]:
    """The faults as errors with their places, in the order of the file."""
    return tuple(sorted(dict.fromkeys(_finding(document, fault) for fault in found)))


def entry(name: str, node: Schema, key: str) -> Schema:
    """What a node of the schema says of one key's value; nothing for a key that it does not know."""
    properties = node.get("properties", {})
    return _resolved(name, properties.get(key, node.get("additionalProperties")))


@cache
def _validator(name: str) -> Validator:
    schema = load_schema(name)
    Draft202012Validator.check_schema(schema)
    strict = extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]  # no stub
    return cast(Validator, strict(schema))


def _pattern(validator: Validator, pattern: str, instance: object, schema: Schema) -> Iterator[ValidationError]:
    """ECMA-262's meaning of a final ``$``: Python's also matches before a line feed at the end."""
    if isinstance(instance, str) and not _compiled(pattern).search(instance):
        yield ValidationError(f"does not match {pattern!r}")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern)


def _finding(document: Document, fault: SchemaFault) -> Finding:
    place = document.key_place(fault.pointer) if fault.at_key else document.place(fault.pointer)
    return finding(document.path, place, Severity.ERROR, fault.code, fault.message)


def _coerced(value: Value, node: Schema, name: str) -> Value:
    if isinstance(value, str):
        return BOOLEAN_WORDS.get(value.lower(), value) if node.get("type") == "boolean" else value
    if isinstance(value, dict):
        return {key: _coerced(each, entry(name, node, key), name) for key, each in value.items()}
    if isinstance(value, list):
        return [_coerced(each, _resolved(name, node.get("items")), name) for each in value]
    return value


def _resolved(name: str, node: Any) -> Schema:
    """The part of the schema that a node stands for: what its ``$ref`` names, or itself."""
    while isinstance(node, Mapping) and "$ref" in node:
        reference, node = node["$ref"], load_schema(name)
        for step in reference.removeprefix("#").strip("/").split("/"):
            node = node[step]
    return node if isinstance(node, Mapping) else {}
