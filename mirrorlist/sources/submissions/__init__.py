"""Checks of submitted mirror files."""
