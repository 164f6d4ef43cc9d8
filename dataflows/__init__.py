"""Streams over the event log for data teams and trends; holds no dataflow yet.

Will read the log through `storage.log_reader`, live, and `storage.ports.EventStore`, over history. May import
`domain`, `telemetry` and `storage`; neither `actors` nor `serve`.
"""
