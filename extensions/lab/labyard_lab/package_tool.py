"""What a tool of an installed package has beyond other tools."""

from __future__ import annotations

from pydantic import Field

from labyard.models.tool import Tool

__all__ = ["PackageTool"]


class PackageTool(Tool):
    """A tool that a package or the configuration offers.

    Such a program knows under which path jupyter-server-proxy serves it, so it is served there too.
    """

    path: str = Field(description="First part of its URL path below the server's own.")
    served_at: str = Field(description="URL path that it is served under, with a trailing slash.")
    opens_at: str = Field(description="URL path that its tab opens.")
    fixed_port: int | None = Field(default=None, description="TCP port that it always listens on; None: one that is free.")
    writes_headers: bool = Field(
        default=False, description="Whether its command takes the option `--headers FILE`, and writes more headers there."
    )
    headers: dict[str, str] = Field(default_factory=dict, description="More headers of each request to it, with placeholders.")
