"""The health of mirrors: verdicts, probe plans, history, reports."""
