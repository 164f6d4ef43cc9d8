"""The connection to Cassandra: session, statements, batches, failures, schema."""
