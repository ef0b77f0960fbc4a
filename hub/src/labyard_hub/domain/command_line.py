"""What the hub knows the command line's login by."""

from __future__ import annotations

__all__ = ["LOGIN_CLIENT_ID", "LOGIN_REDIRECT_PATH", "LOGIN_SERVICE"]

LOGIN_SERVICE = "labyard-cli"
"""A service of the hub's beside ``labyard``: an OAuth client of its own, so that people are asked before a command line may act for them."""

LOGIN_CLIENT_ID = f"service-{LOGIN_SERVICE}"

LOGIN_REDIRECT_PATH = "cli/callback"
"""Where the hub sends browsers back to, below the labyard service's prefix."""
