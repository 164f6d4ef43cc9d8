"""The demonstration: people who use Murmur over HTTP, and a plain model of what each of them must then see.

`python -m cluster demo`, `replay`, `seed` and `crash-test` are made of it. It knows the system as a client does, by
its API alone; only what starts, breaks and stops a system of its own knows more. May import `domain`, `telemetry` and
the rest of `cluster`.
"""
