"""Writing: publication of decided facts, and the targets they refer to. Imports no area."""
