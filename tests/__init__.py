"""Tests, one package per tier: see CONTRIBUTING.md."""
