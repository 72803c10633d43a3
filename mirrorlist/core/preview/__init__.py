"""Previews of what a change of mirror files does to clients."""
