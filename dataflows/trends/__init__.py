"""Trends as a dataflow: live on workers, over history, and as a picture."""
