"""Labyard: the command line, the client and the wire models."""

from labyard._version import __version__

__all__ = ["__version__"]
