"""The caller."""

from __future__ import annotations

from labyard.client.calls import Call, Pages, Resource, TransportT, endpoint, paged
from labyard.models.sharing import ModelShare, ModelShares
from labyard.models.user import User

__all__ = ["Me"]


class Me(Resource[TransportT]):
    """``client.me``: who the token belongs to, and what is shared with them."""

    @endpoint
    def get(self) -> Call[User]:
        """Return whom the token belongs to."""
        return Call("GET", "me", User)

    @paged
    def shared_models(self) -> Pages[ModelShares, ModelShare]:
        """Iterate over the models that are shared with the caller or with a project of theirs."""
        return Pages(Call("GET", "shared-models", ModelShares), lambda page: list(page.models), lambda _: None)
