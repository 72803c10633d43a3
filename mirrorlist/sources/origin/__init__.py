"""The origin's files, and the commit of the mirror files."""
