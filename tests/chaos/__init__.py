"""A whole system under load, broken on purpose in every way that we know, and compared with what was answered."""
