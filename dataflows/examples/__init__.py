"""Dataflows to learn from; `python -m cluster dataflows list` shows them."""
