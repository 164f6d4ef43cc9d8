"""Sinks: rows of data teams, files of rankings, and what trends write to the stores."""
