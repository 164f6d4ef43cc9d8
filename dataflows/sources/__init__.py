"""Sources of events: the log as it grows, and the past from Cassandra."""
