"""The one shape of all errors."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Error", "ErrorDetail"]


class ErrorDetail(BaseModel):
    """What went wrong."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str = Field(description="Stable identifier, for programs.")
    message: str = Field(description="For a person: what was tried, on what, and what to do next.")


class Error(BaseModel):
    """The body of every answer with a status of 400 or more."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    error: ErrorDetail
