"""Dataflows to learn from; `python -m dataflows list` shows them."""
