"""Readers of outside data: mirror files, the service file, address databases, the origin."""
