"""Streams over the event log, on Bytewax.

`sources` read the log as it grows and Cassandra's past, `operators` put events in order, `sinks` write what comes out;
`trends` is the dataflow of the product, `examples` are some to learn from. May import `domain`, `telemetry` and
`storage`; neither `actors` nor `serve`. Ray is known to `deploy` only.
"""
