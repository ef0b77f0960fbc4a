"""The version that all three distributions share."""

__version__ = "0.1.0"
