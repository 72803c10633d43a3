"""Programs that tests/test_seams.py runs against a package with a planted change."""
