"""The parts that a laptop has no server for: a local Cassandra, Redis and Ray, each a child process of `up`.

May import `cluster.settings`, `cluster.errors` and `cluster.waiting`; knows nothing of what runs on top.
"""
