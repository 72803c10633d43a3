"""Parts of a mirror's file that the service does without: what may not be handed out, claimed or shown as it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from mirrorlist.core.errors import Finding
from mirrorlist.core.reasons import Reason


class Kind(StrEnum):
    """What a part is."""

    ADDRESS = "address"
    CLAIM = "claim"
    TEXT = "text"


REASONS = {
    Kind.ADDRESS: Reason.ADDRESS_REFUSED,
    Kind.CLAIM: Reason.CLAIM_REFUSED,
    Kind.TEXT: Reason.TEXT_CLEANED,
}


@dataclass(frozen=True, slots=True)
class Withheld:
    """One part. ``of`` names it as the file does (``address.https``, ``subnets[2]``), ``finding`` says where and why.

    ``module`` is that of an address of a tree.
    """

    kind: Kind
    of: str
    finding: Finding
    module: str | None = None

    @property
    def reason(self) -> Reason:
        """The reason for which it is withheld."""
        return REASONS[self.kind]

    def __str__(self) -> str:
        found = self.finding
        return f"without {self.of}: {found.path}:{found.line}: [{found.code}] {found.message}"


def lacks_address(parts: Iterable[Withheld], module: str, protocols: Iterable[str] | None = None) -> bool:
    """Whether an address of a module is withheld, under one of the protocols where some are named."""
    return any(
        each.module == module and (protocols is None or each.of.rpartition(".")[2] in set(protocols)) for each in parts
    )


def lacks_claims(parts: Iterable[Withheld]) -> bool:
    """Whether a claim is withheld."""
    return any(each.kind is Kind.CLAIM for each in parts)
