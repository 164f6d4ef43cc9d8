"""Writing: publication of decided facts, ids for them, and the targets they refer to. Imports no area."""
