"""A client of the HTTP API, and people who use it, for `seed` and `replay`. Knows the system by its API alone.

The tests build their users on the same client (`tests/support/api_user.py`).
"""
