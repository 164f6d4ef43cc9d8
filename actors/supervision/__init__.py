"""Supervision: keeps actors and the workers of dataflows running, and every range of followers owned."""
