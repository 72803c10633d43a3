"""Output for the owners of mirrors: kits, access lists, reports."""
