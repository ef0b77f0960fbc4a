"""Labyard: the command line, the client and the wire models."""

from labyard._version import __version__

TYPE_CHECKING = False  # what type checkers take for true; `typing` itself is for those who need it, as `labyard --version` does not
if TYPE_CHECKING:
    from labyard.client import AsyncClient, Client

__all__ = ["AsyncClient", "Client", "__version__"]


def __getattr__(name: str) -> object:
    """Import the clients when they are asked for: the command line's help needs neither httpx nor pydantic."""
    if name in ("AsyncClient", "Client"):
        from labyard import client  # noqa: PLC0415

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
