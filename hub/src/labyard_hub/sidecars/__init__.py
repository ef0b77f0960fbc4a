"""Programs that run in a tool's own environment; they import nothing of ours."""
