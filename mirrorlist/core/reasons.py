"""Reasons why a mirror, or a part of it, is left out, in the words that people read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Reason(Enum):
    """Why a mirror, or a part of its file, is left out of an answer; the value is the sentence that people read."""

    PAUSED = "The mirror is paused."
    NOT_LIVE_YET = "The mirror is not live yet."
    DECLINED = "The mirror's offer was declined."
    RETIRED = "The mirror has retired."
    NOT_CARRIED = "The mirror does not carry this module."
    PROTOCOL = "The mirror offers none of the protocols asked for."
    COUNTRY_ASKED = "The mirror is not in a country that was asked for."
    NOT_AMONG_ONLY = "You asked for other mirrors only."
    COUNTRY_CLOSED = "The mirror is not open to clients of this country."
    OUT_OF_REACH = "Clients of this country or network cannot reach the mirror, as service.yml says."
    NOT_REACHED_FROM = "Vantage points in this country or region cannot reach the mirror."
    PEAK_HOURS = "The mirror serves at quiet hours only, and it is peak time there."
    PRIVATE = "The mirror is private and serves its own networks only."
    PRIVATE_WITHOUT_NETWORKS = "The mirror is private but names no network, so it serves nobody."
    ADDRESS_REFUSED = "The mirror's file gives an address for this that may not be handed out."
    CLAIM_REFUSED = "The mirror is private, and may not claim the networks that it names."
    TEXT_CLEANED = "A text in the mirror's file deceives its reader, so it is shown without what does."
    CLOUD = "The mirror serves clients in its own cloud regions only."
    MONOPOLY = "Another mirror serves this network alone."
    VAULT = "The vault keeps this version; mirrors do not carry it."
    UNREACHABLE = "The mirror cannot be reached, or not over your kind of address."
    MISSING = "The mirror lacks this repository or image."
    WRONG = "The mirror gives something else in place of the file."
    INCOMPLETE = "The mirror lacks files that its metadata names."
    STALE = "The mirror holds a version that is too old."
    LAGGING = "The mirror has not synced the newest version, and its time for that is over."
    RECOVERING = "The mirror was bad, and has not been found good often enough since."
    TAKEN_OUT = "The operators took the mirror out for a time."
    NO_FILE = "The mirror does not have this file."
    AVOIDED = "You asked to avoid the mirror."
    CONTINENT_ASKED = "The mirror is not on a continent that was asked for."
    SAME_ADDRESS = "A mirror before it has the same address."
    LIST_FULL = "The list is full; other mirrors come before it."


OUT_OF_REACH = frozenset({Reason.OUT_OF_REACH, Reason.NOT_REACHED_FROM})
"""Who is left out for these is given where nobody else can be."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Since when a reason holds that the prober or a person gave, and for what.

    ``of`` are the repositories' paths, or the ways that do not work, such as ``https ipv6``, and ``why`` what came back
    over the last of these. With an ``author``, ``why`` and ``until`` are those of an override.
    """

    since: float
    of: tuple[str, ...] = ()
    author: str | None = None
    why: str | None = None
    until: float | None = None
