"""Scripts that run outside the server: the keeper, and what starts tools in their own environments."""
