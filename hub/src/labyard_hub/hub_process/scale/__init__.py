"""JupyterHub itself, where thousands of servers need it changed, and what it has no public name for."""
