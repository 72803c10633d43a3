"""Tests of mirrorlist/importing."""
