"""How mirrors are: verdicts, what to probe, history, reports."""
