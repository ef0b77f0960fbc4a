"""The certificate with its key, in the one text that HAProxy wants."""

from __future__ import annotations

from pathlib import Path

__all__ = ["joined_certificate"]


def joined_certificate(certificate: Path, key: Path) -> str:
    """Return both as one text; OSError where one cannot be read."""
    lines = [line.strip() for part in (certificate, key) for line in part.read_text().splitlines()]
    return "".join(f"{line}\n" for line in lines if line)
