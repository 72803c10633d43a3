"""The state that outlives a process: the database and the snapshot files."""
