"""What the command line's login exchanges with the platform."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Health", "LoginExchange", "LoginToken"]


class Health(BaseModel):
    """A platform that is there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: str
    version: str


class LoginExchange(BaseModel):
    """A one-time code, and the proof that its sender began the login."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str = Field(min_length=1, max_length=200, repr=False, description="What the browser was given.")
    verifier: str = Field(
        min_length=43, max_length=128, repr=False, description="The secret whose SHA-256 the login began with (RFC 7636)."
    )


class LoginToken(BaseModel):
    """The token that the command line works with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: str = Field(repr=False, description="To be sent as `Authorization: Bearer TOKEN`.")
    user: str = Field(description="Whom it belongs to.")
    expires_at: datetime
