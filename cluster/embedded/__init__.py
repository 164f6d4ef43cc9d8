"""Components that a laptop has no server for: a local Cassandra, Redis and Ray, each a child process of `up`.

May import `settings`, `errors`, `private`, `locks` and `waiting` of `cluster`; knows nothing of what runs on top.
"""
