"""Metrics, each declared once, structured logs, and bounded calls of Ray. May import `domain`."""
