"""Cassandra, where everything durable is: connection, schema, and one adapter for each port that it keeps.

May import `domain`, `telemetry` and the ports. `stores.open_stores` gives all adapters on one session;
`schema.migrate` brings a keyspace up to date first.
"""
