"""How an answer is written: a selection in, bytes out."""
