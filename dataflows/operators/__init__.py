"""Operators that dataflows put between a source and their own steps."""
