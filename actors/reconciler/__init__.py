"""The reconciler, and the watermark that it proves."""
