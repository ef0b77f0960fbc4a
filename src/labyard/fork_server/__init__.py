"""Forks processes from one that has made their imports: single-user servers for the hub, kernels for a server."""
