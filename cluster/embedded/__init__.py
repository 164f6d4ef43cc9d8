"""The parts that a laptop has no server for: a local Cassandra, Redis and Ray, each a child process of `up`.

May import `cluster.settings`, `cluster.errors`, `cluster.private` and `cluster.waiting`; knows nothing of what runs on
top.
"""
