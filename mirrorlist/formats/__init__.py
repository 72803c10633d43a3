"""Writers of answers: a selection in, bytes out."""
