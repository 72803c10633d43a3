"""The HTTP side: a short fast path in front of ordinary Flask views."""
