"""What a change of mirror files would do to clients."""
