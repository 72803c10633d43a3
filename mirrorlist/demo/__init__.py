"""A whole mirror network on 127.0.0.1, to try the service and its clients without any other machine."""
