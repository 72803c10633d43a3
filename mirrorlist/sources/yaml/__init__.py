"""YAML files: reading, schemas, and what is said about faults."""
