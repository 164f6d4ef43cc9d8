"""The processes beside the HTTP edge: fan-out shards, counters, the reconciler, and the supervisor of them all.

Each is a plain class that is given its ports, clock and limits; Ray appears in `deployment` only. May import `domain`,
`telemetry` and `storage`.
"""
