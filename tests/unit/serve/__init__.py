"""The HTTP service in plain classes."""
