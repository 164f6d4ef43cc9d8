"""Sinks: rows of data teams, rankings, and the minutes of tags."""
