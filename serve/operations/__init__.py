"""Health and readiness, for those who run the service."""
