"""The HTTP service: routes translate, use cases decide, one table turns errors into answers.

It may import `domain`, `telemetry` and `storage.ports`; it knows neither `actors` nor `dataflows`. Ray appears in
`deploy.py` alone, everything else runs under any ASGI server.
"""
