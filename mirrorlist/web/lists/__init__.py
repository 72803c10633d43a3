"""Mirrorlists and metalinks."""
