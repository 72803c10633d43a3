"""Which mirrors have a file, for redirects and metalinks."""
