"""Asking servers that nobody vouches for, within bounds."""
