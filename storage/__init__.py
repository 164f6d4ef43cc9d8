"""The stores: ports that state their promises, and an adapter each for Cassandra, Redis and memory.

May import `domain` and `telemetry`. Cassandra holds the truth; Redis holds what can be rebuilt; memory exists for the
seeded simulation and passes the same contract suite.
"""
