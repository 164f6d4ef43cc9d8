"""What runs beside the HTTP edge: fan-out shards, counters, the reconciler, and the supervisor who watches them.

Each is a plain class that is given its ports, clock and limits; Ray appears in `deploy` only. May import `domain`,
`telemetry` and `storage`.
"""
