"""Accounts: sign up, log in, stay logged in, and the keys of access tokens."""
