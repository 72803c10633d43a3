"""Drop unusable values that a service can do without; the mirror is served, and each loss is a warning.

A field is optional when nobody is sent to a wrong place without it, and nobody gets a mirror that is not for him:
``private`` and ``countries_only`` are none. To add one: its row in OPTIONAL.
"""

from __future__ import annotations

from mirrorlist.sources.mirrors.forms import FORMS, Field
from mirrorlist.sources.mirrors.repairs import REPAIRS, MirrorDraft, Surroundings
from mirrorlist.sources.yaml.documents import Code, Pointer, Value, shown, spelled
from mirrorlist.sources.yaml.schema_messages import SchemaFault
from mirrorlist.sources.yaml.schemas import refused

MOST_ROUNDS = 4
"""What is left out can leave something else without its partner, but not for long."""
MOST_WRITTEN = 5

_SINGLE = (
    "update_frequency", "sponsor", "sponsor_url", "email", "asn", "status_reason", "status_since", "status_until",
    "bandwidth_mbps", "storage_gb", "logo", "contact_name", "agreement", "peerings", "sync", "probe", "geolocation",
    "address_optional", "places", "global",
)  # fmt: skip
_PLACE = ("continent", "country", "state_province", "city", "latitude", "longitude", "time_zone")

OPTIONAL: frozenset[Field] = frozenset({
    *((key,) for key in _SINGLE),
    *(("geolocation", key) for key in _PLACE),
    ("places", "*"), *(("places", "*", key) for key in _PLACE),
    ("address_optional", "*"), ("asn", "*"), ("peerings", "*"), ("sync", "source"), ("sync", "from"),
    ("probe", "at_most"),
})  # fmt: skip
"""Left out wherever the schema refuses them."""

OPTIONAL_IF_EMPTY: frozenset[Field] = frozenset({("subnets",), ("address", "*"), ("address_optional", "*", "*")})
"""Left out where they say nothing; anything else there is an error."""

_SAYS_NOTHING = (None, "", "-", "none", "n/a")
_WITH_PARTNER = {"latitude": "longitude", "longitude": "latitude"}


def settled(draft: MirrorDraft, around: Surroundings) -> list[SchemaFault]:
    """Repair all that can be repaired, leave out optional values that cannot, and give back what is refused still."""
    _repair(draft, around)
    faults = refused(draft.finished(), "mirror")
    if faults and _read_forms(draft, faults):
        _repair(draft, around)
        faults = refused(draft.finished(), "mirror")
    for _ in range(MOST_ROUNDS):
        # the last entries of lists go first, so that pointers stay true
        found = sorted(
            (fault for fault in faults if _is_optional(draft, fault.pointer)),
            key=lambda fault: [(isinstance(step, int), step) for step in fault.pointer],
            reverse=True,
        )
        for fault in found:
            leave_out(draft, fault.pointer, fault.code, fault.message, fault.at_key)
            partner = _WITH_PARTNER.get(str(fault.pointer[-1]))
            if partner:
                draft.remove((*fault.pointer[:-1], partner))
        if not found:
            break
        faults = refused(draft.finished(), "mirror")
    return faults


def leave_out(draft: MirrorDraft, pointer: Pointer, code: Code, message: str, at_key: bool = False) -> None:
    """Take a value out of the file, and tell it."""
    tell = draft.warn_key if at_key else draft.warn
    tell(pointer, code, f"{message}; it is left out until then")
    draft.remove(pointer)


def field_of(pointer: Pointer) -> Field:
    """The keys that lead to a value, without the names that a file chooses."""
    if pointer[:1] in (("address",), ("address_optional",)):
        return (str(pointer[0]), *("*" for _ in pointer[1:]))
    return tuple("*" if isinstance(step, int) else step for step in pointer)


def _repair(draft: MirrorDraft, around: Surroundings) -> None:
    for repair in REPAIRS:
        repair(draft, around)


def _read_forms(draft: MirrorDraft, faults: list[SchemaFault]) -> bool:
    """Whether a value had another form, with one meaning, which that meaning replaces now."""
    found = False
    for pointer, code in {fault.pointer: fault.code for fault in reversed(faults) if not fault.at_key}.items():
        form, value = FORMS.get(field_of(pointer)), draft.value(pointer)
        meant = form(value) if form and value is not None else None
        if meant is not None and (type(meant), meant) != (type(value), value):
            said = _written(meant)
            message = f"{spelled(pointer)} is {shown(value)}, which is read as {said}; write {said}"
            draft.warn(pointer, code, message)
            draft.put(pointer, meant)
            found = True
    return found


def _written(value: Value) -> str:
    """A value as a mirror file has it, on one line."""
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]" if len(value) <= MOST_WRITTEN else "a list"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {shown(each)}' for key, each in value.items())}}}"
    return shown(value)


def _is_optional(draft: MirrorDraft, pointer: Pointer) -> bool:
    field, value = field_of(pointer), draft.value(pointer)
    if field in OPTIONAL_IF_EMPTY:
        return (value.strip().lower() if isinstance(value, str) else value) in _SAYS_NOTHING
    return field in OPTIONAL
