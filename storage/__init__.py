"""The stores: ports that state their promises, and an adapter of each for Cassandra or Redis.

May import `domain` and `telemetry`. Cassandra holds what must last; Redis holds what can be rebuilt.
"""
