"""Services that make and publish snapshots."""
