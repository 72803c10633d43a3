"""Snapshots and file indexes as released versions wrote them, one directory per version.

``python -m tests.data.released`` writes those of the present version; run it once per release (docs/releasing.md), and
never change what is there.
"""
