"""Streams over the event log, on Bytewax: sources (the log as it grows, and Cassandra's past), trends, their sinks.

May import `domain`, `telemetry` and `storage`; neither `actors` nor `serve`. Ray is known to `deploy` only.
"""
