"""YAML files: reading them, schemas, and messages about faults."""
