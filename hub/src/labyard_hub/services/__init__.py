"""Use cases, one module per noun: no HTTP, no SQL."""
