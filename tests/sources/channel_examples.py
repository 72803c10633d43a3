"""Refused examples of the key channel: what is added to a service file, the place of the error, and what it says."""

from __future__ import annotations

_OTHER = {"directory": ("directory: {}, key_file: k", "6:22"), "key_file": ("directory: d, key_file: {}", "6:35")}

CHANNEL_BY_SCHEMA: dict[str, tuple[str, str, str]] = {
    "channel/type": ("+channel: x\n", "6:10", "channel is 'x'; write keys and values"),
    "channel/required": ("+channel: {directory: d}\n", "6:10", "channel has no 'key_file'; add it"),
    "channel/additionalProperties": ("+channel: {directory: d, key_file: k, url: u}\n", "6:38", "channel.url is not a"),
    **{
        f"channel/{key}/{rule}": (f"+channel: {{{text.format(value)}}}\n", place, f"channel.{key} is ")
        for key, (text, place) in _OTHER.items()
        for rule, value in {"type": "1", "minLength": "''", "maxLength": "x" * 1001, "pattern": '"\\t"'}.items()
    },
}
