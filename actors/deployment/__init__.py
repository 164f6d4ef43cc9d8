"""Deployment of the actors on Ray: the only folder of this package that knows it."""
