"""Plain rules and dataclasses: no HTTP, no database, no processes."""
