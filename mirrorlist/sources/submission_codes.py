"""The codes of what a submitted file is held to beyond what the loader asks; docs/findings.md explains each.

To add one: a member here, a row in that page, a check that tells it, and a refused example in
tests/data/submissions.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from mirrorlist.sources.finding_codes import Code


class SubmissionCode(StrEnum):
    """What is wrong, in the words that stand between the brackets of a finding."""

    # The file.
    STRAY_FILE = "stray-file"
    HIDDEN_CHARACTER = "hidden-character"
    LOOK_ALIKE = "look-alike"
    BAD_TEXT = "bad-text"

    # Hosts, URLs and contacts.
    BAD_HOST = "bad-host"
    HOST_NOT_PUBLIC = "host-not-public"
    ADDRESS_AS_HOST = "address-as-host"
    OTHER_HOST = "other-host"
    BAD_PORT = "bad-port"
    BAD_PATH = "bad-path"
    NOT_A_TREE = "not-a-tree"
    PATHS_DIFFER = "paths-differ"
    BAD_EMAIL = "bad-email"
    BAD_LOGO = "bad-logo"

    # Networks.
    RESERVED_NETWORK = "reserved-network"
    WIDE_NETWORK = "wide-network"
    TOO_MANY_CLAIMS = "too-many-claims"
    OVERLAPPING_CLAIM = "overlapping-claim"
    RESERVED_ASN = "reserved-asn"
    CLAIM_OF_MONOPOLY = "claim-of-monopoly"
    NEEDS_APPROVAL = "needs-approval"
    DOUBTFUL_CLAIM = "doubtful-claim"

    # The mirror as a whole.
    DUPLICATE_URL = "duplicate-url"
    UPDATE_FREQUENCY = "update-frequency"
    RARE_UPDATES = "rare-updates"
    NOT_GIVEN = "not-given"
    BANDWIDTH_CAP = "bandwidth-cap"
    IMPLAUSIBLE_BANDWIDTH = "implausible-bandwidth"
    UNRESOLVABLE_PLACE = "unresolvable-place"
    UNKNOWN_TIME_ZONE = "unknown-time-zone"
    BELOW_MINIMUM = "below-minimum"
    BELOW_PREFERRED = "below-preferred"

    # What only asking the mirror tells.
    UNREACHABLE = "unreachable"
    BAD_REPOSITORY = "bad-repository"
    NOT_CHECKED = "not-checked"


HELD_TO: Mapping[Code, str] = {
    Code.NOT_A_REGULAR_FILE: "a link or device would be skipped",
    Code.DUPLICATE_KEY: "what a reader of the file sees must be what counts",
    Code.UNKNOWN_KEY: "a slip would be lost without a word",
    Code.UNKNOWN_MODULE: "the module would be lost without a word",
    Code.MISSING_KEY: "the value that stands alone would be lost",
    Code.WRONG_TYPE: "the value would be lost or guessed",
    Code.BAD_VALUE: "the value would be lost or guessed",
    Code.OUT_OF_RANGE: "the value would be lost",
    Code.BAD_DATE: "the date would be lost",
    Code.URL_SCHEME: "the key says what clients get",
    Code.SPONSOR_URL: "the page would be lost or guessed",
    Code.UNKNOWN_COUNTRY: "the mirror would have no place",
    Code.COUNTRY_SPELLING: "other programs read the file too",
    Code.HOST_BITS: "the network may be meant smaller",
    Code.UNKNOWN_REGION: "nobody would get the mirror there",
    Code.PLACE_CONTRADICTION: "one of the two is wrong",
}
"""What the loader only warns of, because it must go on, and what refuses a submitted file, and why."""
