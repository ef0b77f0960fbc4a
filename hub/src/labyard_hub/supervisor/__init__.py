"""The platform's processes: start, adopt, restart, stop."""
