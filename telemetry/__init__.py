"""What operators see: metrics, each declared once, and structured logs. May import `domain`."""
