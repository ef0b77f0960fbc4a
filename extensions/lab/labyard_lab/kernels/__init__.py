"""Which kernels there are, and how they are started quickly."""
