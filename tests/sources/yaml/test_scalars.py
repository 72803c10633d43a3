""""""

import pytest

from mirrorlist.sources.yaml.documents import duration_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("45s", 45),
        ("30m", 1800),
        ("3h", 10800),
        ("1d", 86400),
        ("2w", 1209600),
        ("0h", None),
        ("03h", None),
        ("-1h", None),
        ("3", None),
        ("3 h", None),
        ("3h\n", None),
        ("1.5h", None),
        ("1h30m", None),
        ("٣h", None),
        ("", None),
    ],
)
def test_a_span_is_a_number_and_a_letter(text: str, seconds: int | None) -> None:
    assert duration_seconds(text) == seconds
