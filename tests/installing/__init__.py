"""Tests of mirrorlist/installing."""
