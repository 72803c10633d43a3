"""Tests of mirrorlist/indexing."""
