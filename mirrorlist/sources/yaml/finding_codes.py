"""Codes of findings on mirror files; docs/mirror-files.md explains each, and a test compares the two.

To add one: a member here, a row in that table, an example in tests/sources/mirrors/test_files.py.
"""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """What is wrong, in the words that stand between the brackets of a finding."""

    # The file as a whole, and its YAML.
    UNREADABLE_FILE = "unreadable-file"
    UNREAD_FILE = "unread-file"
    NOT_A_REGULAR_FILE = "not-a-regular-file"
    FILE_TOO_LARGE = "file-too-large"
    NOT_UTF8 = "not-utf8"
    CONTROL_CHARACTER = "control-character"
    EMPTY_FILE = "empty-file"
    YAML_SYNTAX = "yaml-syntax"
    YAML_ALIAS = "yaml-alias"
    YAML_TAG = "yaml-tag"
    SEVERAL_DOCUMENTS = "several-documents"
    TOO_DEEP = "too-deep"
    COMPLEX_KEY = "complex-key"
    NOT_A_MAPPING = "not-a-mapping"
    DUPLICATE_KEY = "duplicate-key"

    # What a schema can tell.
    UNKNOWN_KEY = "unknown-key"
    MISSING_KEY = "missing-key"
    WRONG_TYPE = "wrong-type"
    BAD_VALUE = "bad-value"
    OUT_OF_RANGE = "out-of-range"

    # What only a reader of mirror files can tell.
    KEY_CASE = "key-case"
    CONTINENT_SPELLING = "continent-spelling"
    WRONG_CONTINENT = "wrong-continent"
    FILE_NAME = "file-name"
    DUPLICATE_NAME = "duplicate-name"
    UNKNOWN_MODULE = "unknown-module"
    URL_SCHEME = "url-scheme"
    RSYNC_SPELLING = "rsync-spelling"
    BAD_URL = "bad-url"
    SPONSOR_URL = "sponsor-url"
    COUNTRY_SPELLING = "country-spelling"
    UNKNOWN_COUNTRY = "unknown-country"
    UNQUOTED_WORD = "unquoted-word"
    ASN_SPELLING = "asn-spelling"
    HOST_BITS = "host-bits"
    BAD_NETWORK = "bad-network"
    BAD_DATE = "bad-date"
    UNKNOWN_REGION = "unknown-region"
    PRIVATE_WITHOUT_NETWORKS = "private-without-networks"

    # What only a reader that knows the world's places can tell.
    NO_PLACE = "no-place"
    UNKNOWN_CITY = "unknown-city"
    UNKNOWN_STATE = "unknown-state"
    SWAPPED_PLACE = "swapped-place"
    CITY_ELSEWHERE = "city-elsewhere"
    PLACE_CONTRADICTION = "place-contradiction"
