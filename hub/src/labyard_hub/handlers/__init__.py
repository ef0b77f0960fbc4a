"""FastAPI routers of the labyard service, one per noun."""
