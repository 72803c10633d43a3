"""Which mirrors a client gets, in which order, and why."""
