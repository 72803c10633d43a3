"""Explain JSON Schema errors: the position, and a message with a remedy.

To explain another keyword: a function here, and its row in TELLERS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import groupby
from typing import Any

from jsonschema import ValidationError

from mirrorlist.sources.yaml.documents import Code, Pointer, shown, spelled

_KINDS = {
    "object": "keys and values",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}


@dataclass(frozen=True, slots=True)
class SchemaFault:
    """One complaint about the value at ``pointer``, or about its key."""

    pointer: Pointer
    code: Code
    message: str
    at_key: bool = False


def faults(error: ValidationError) -> Iterator[SchemaFault]:
    """One complaint of the validator as one fault, or as several where it names several keys."""
    if "propertyNames" in error.absolute_schema_path:
        return _bad_key(error)
    return TELLERS.get(str(error.validator), _other)(error)


def _value(error: ValidationError) -> Any:
    return error.instance


def _rule(error: ValidationError) -> Any:
    return error.validator_value


def _schema(error: ValidationError) -> Mapping[str, Any]:
    return error.schema if isinstance(error.schema, Mapping) else {}


def _pointer(error: ValidationError) -> Pointer:
    return tuple(error.absolute_path)


def _is(error: ValidationError) -> str:
    return f"{spelled(_pointer(error))} is {shown(_value(error))}"


def _wrong_type(error: ValidationError) -> Iterator[SchemaFault]:
    yield _type_fault(error, _names(_rule(error)))


def _type_fault(error: ValidationError, wanted: list[str]) -> SchemaFault:
    remedy = f"write {_either(_KINDS[name] for name in wanted)}"
    examples = [str(each) for each in _schema(error).get("examples", ()) if isinstance(each, int | float)]
    if examples and {"integer", "number"}.issuperset(wanted):
        remedy += f", as in {_either(examples)}"
    if "string" in wanted and isinstance(_value(error), bool | int | float):
        # of 9.10 the number keeps no zero
        remedy = "put it in quotes" + (", as it is written" if isinstance(_value(error), float) else "")
    if _value(error) is None:
        remedy += ", or remove the key"
    return SchemaFault(_pointer(error), Code.WRONG_TYPE, f"{_is(error)}; {remedy}")


def _unknown_keys(error: ValidationError) -> Iterator[SchemaFault]:
    known = _schema(error).get("properties", {})
    patterns = _schema(error).get("patternProperties", {})
    for key in _value(error).keys() - known.keys():
        if any(re.search(pattern, key) for pattern in patterns):
            continue
        yield SchemaFault((*_pointer(error), key), Code.UNKNOWN_KEY, unknown_key(_pointer(error), key, known), True)


def unknown_key(pointer: Pointer, key: str, known: Mapping[str, object]) -> str:
    """The message on a key that the mapping at ``pointer`` does not know."""
    near = did_you_mean(key, known)
    remedy = f"did you mean '{near}'?" if near else "remove it"
    return f"{spelled((*pointer, key))} is not a known key; {remedy}"


def _missing_keys(error: ValidationError) -> Iterator[SchemaFault]:
    for key in _rule(error):
        if key not in _value(error):
            message = f"{spelled(_pointer(error))} has no '{key}'; add it{_because(error)}"
            yield SchemaFault(_pointer(error), Code.MISSING_KEY, message)


def _missing_partners(error: ValidationError) -> Iterator[SchemaFault]:
    for key, partners in _rule(error).items():
        for partner in partners if key in _value(error) else ():
            if partner not in _value(error):
                pointer = (*_pointer(error), key)
                message = f"{spelled(pointer)} is without '{partner}'; add that, or remove both"
                yield SchemaFault(pointer, Code.MISSING_KEY, message, at_key=True)


def _not_one_of(error: ValidationError) -> Iterator[SchemaFault]:
    known = [str(value) for value in _rule(error)]
    near = did_you_mean(str(_value(error)), known)
    remedy = f"did you mean '{near}'?" if near else f"write {_either(known)}"
    yield SchemaFault(_pointer(error), Code.BAD_VALUE, f"{_is(error)}; {remedy}")


def _not_the_one(error: ValidationError) -> Iterator[SchemaFault]:
    message = f"{_is(error)}; write {shown(_rule(error))}{_because(error)}"
    yield SchemaFault(_pointer(error), Code.BAD_VALUE, message)


def _bad_pattern(error: ValidationError) -> Iterator[SchemaFault]:
    value = _value(error)
    near = next((each for each in (value.strip(), value.lower()) if re.search(_rule(error), each)), None)
    remedy = f"write {shown(near)}" if near is not None else _example(_schema(error))
    yield SchemaFault(_pointer(error), Code.BAD_VALUE, f"{_is(error)}; {remedy}")


def _bad_key(error: ValidationError) -> Iterator[SchemaFault]:
    pointer = (*_pointer(error), _value(error))
    message = f"{spelled(_pointer(error))} has the key {shown(_value(error))}; {_example(_schema(error))}"
    yield SchemaFault(pointer, Code.BAD_VALUE, message, at_key=True)


def _out_of_range(error: ValidationError) -> Iterator[SchemaFault]:
    lowest, highest = _schema(error).get("minimum"), _schema(error).get("maximum")
    bounds = [f"at least {lowest}"] * (lowest is not None) + [f"at most {highest}"] * (highest is not None)
    remedy = f"write a number of {' and '.join(bounds)}" if bounds else "write another number"
    yield SchemaFault(_pointer(error), Code.OUT_OF_RANGE, f"{_is(error)}; {remedy}")


def _wrong_size(error: ValidationError) -> Iterator[SchemaFault]:
    bound = "at least" if str(error.validator).startswith("min") else "at most"
    counted = {"Length": "characters", "Items": "entries", "Properties": "keys"}[str(error.validator)[3:]]
    said = f"{_is(error)} with {len(_value(error))} {counted}"
    remedy = f"write {bound} {_rule(error)}"
    yield SchemaFault(_pointer(error), Code.OUT_OF_RANGE, f"{said}; {remedy}")


def _repeated(error: ValidationError) -> Iterator[SchemaFault]:
    message = f"{spelled(_pointer(error))} names something twice; name it once"
    yield SchemaFault(_pointer(error), Code.BAD_VALUE, message)


def _no_alternative(error: ValidationError) -> Iterator[SchemaFault]:
    context = sorted(error.context or (), key=_branch)
    branches = [list(branch) for _, branch in groupby(context, key=_branch)]
    every = [each for branch in branches for each in branch]
    if every and all(each.validator == "required" and not each.relative_path for each in every):
        keys = dict.fromkeys(f"'{key}'" for each in every for key in _rule(each))
        message = f"{spelled(_pointer(error))} has no {_either(keys)}; add one"
        yield SchemaFault(_pointer(error), Code.MISSING_KEY, message)
        return
    if listed := _as_list(error):
        yield SchemaFault(_pointer(error), Code.WRONG_TYPE, f"{_is(error)}; write it as a list, {listed}")
        return
    fitting = [branch for branch in branches if not any(map(_is_other_type, branch))]
    other = [name for each in every if _is_other_type(each) for name in _names(_rule(each))]
    if not fitting:
        yield _type_fault(error, list(dict.fromkeys(other)))
        return
    suffix = f", or {_either(_KINDS[name] for name in dict.fromkeys(other))}" if other else ""
    for each in min(fitting, key=len):
        ending = suffix if not each.relative_path else ""
        for fault in faults(each):
            yield replace(fault, message=fault.message + ending)


def _as_list(error: ValidationError) -> str | None:
    """Text that holds what one of the alternatives wants a list of, as such a list; None for any other value."""
    patterns = [each["items"]["pattern"] for each in _rule(error) if "pattern" in each.get("items", {})]
    words = re.split(r"[\s,]+", _value(error)) if isinstance(_value(error), str) else []
    if words and any(all(re.search(pattern, word) for word in words) for pattern in patterns):
        return f"[{', '.join(map(shown, words))}]"
    return None


def _branch(error: ValidationError) -> int:
    return int(error.relative_schema_path[0])


def _is_other_type(error: ValidationError) -> bool:
    return error.validator == "type" and not error.relative_path


def _other(error: ValidationError) -> Iterator[SchemaFault]:
    message = f"{_is(error)}, which the rule '{error.validator}' refuses; compare it with the documentation"
    yield SchemaFault(_pointer(error), Code.BAD_VALUE, message)


TELLERS: Mapping[str, Callable[[ValidationError], Iterator[SchemaFault]]] = {
    "type": _wrong_type,
    "additionalProperties": _unknown_keys,
    "unevaluatedProperties": _unknown_keys,
    "required": _missing_keys,
    "dependentRequired": _missing_partners,
    "enum": _not_one_of,
    "const": _not_the_one,
    "pattern": _bad_pattern,
    "minimum": _out_of_range,
    "maximum": _out_of_range,
    "exclusiveMinimum": _out_of_range,
    "exclusiveMaximum": _out_of_range,
    "minLength": _wrong_size,
    "maxLength": _wrong_size,
    "minItems": _wrong_size,
    "maxItems": _wrong_size,
    "minProperties": _wrong_size,
    "maxProperties": _wrong_size,
    "uniqueItems": _repeated,
    "anyOf": _no_alternative,
    "oneOf": _no_alternative,
}


def _names(types: Any) -> list[str]:
    return [types] if isinstance(types, str) else list(types)


def _either(words: Any) -> str:
    return " or ".join(words)


def _example(schema: Any) -> str:
    examples = schema.get("examples")
    return f"write it as in {_either(map(shown, examples))}" if examples else f"match {schema.get('pattern')}"


def _because(error: ValidationError) -> str:
    """The reason that a ``then`` gives in its description for what it asks."""
    reason = _schema(error).get("description") if "then" in error.absolute_schema_path else None
    return f": {reason}" if reason else ""


LONGEST_WORD = 64
"""Longer words are no slips of a known one, and comparing them takes time."""


def did_you_mean(word: str, known: Iterable[str], least: float = 0.6) -> str | None:
    """The known word that is nearest, or None when none is near.

    ``least`` is the share of letters in common (``difflib``'s ratio); names of many letters want more of it.
    """
    if len(word) > LONGEST_WORD:
        return None
    return next(iter(get_close_matches(word.lower(), list(known), n=1, cutoff=least)), None)
