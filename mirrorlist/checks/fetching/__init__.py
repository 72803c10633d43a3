"""Bounded requests to untrusted servers."""
