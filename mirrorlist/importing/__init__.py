"""Import mirror files from other services."""
