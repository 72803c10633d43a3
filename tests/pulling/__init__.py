"""Tests of mirrorlist/pulling."""
