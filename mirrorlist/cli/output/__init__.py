"""How commands write what they found."""
