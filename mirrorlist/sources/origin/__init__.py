"""What the origin publishes, and the commit of the files."""
