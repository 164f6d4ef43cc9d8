"""HTTP around every route: middleware, errors, access, rate limits, shared shapes, and use cases by type.

It imports no area.
"""
