"""Checks of mirrors: requests to strangers, and what their answers mean."""
