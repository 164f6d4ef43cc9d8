"""A client of the HTTP API, and what `seed` and `replay` do with it. Knows the system by its API alone.

The tests build their users on the same client (`tests/support/api_user.py`).
"""
