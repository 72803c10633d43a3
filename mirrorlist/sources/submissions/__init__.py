"""Judging mirror files that somebody submits."""
