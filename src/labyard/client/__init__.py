"""The Python client: one module per noun, written once for `Client` and `AsyncClient`."""

from labyard.client.client import AsyncClient, Client

__all__ = ["AsyncClient", "Client"]
