"""The service file."""
