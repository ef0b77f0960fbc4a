"""Which registered models a project has, as MLflow says, and the refusal of a name that is none of theirs.

The service does not reach MLflow. So the client and people's servers ask it, under the caller's own name, before they share a model.
"""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from pydantic import BaseModel

from labyard.exceptions import ModelNotFoundError

__all__ = ["PAGE_SIZE", "SEARCH_PATH", "WORKSPACE_HEADER", "RegisteredModel", "RegisteredModels", "check_registered", "is_absent"]

SEARCH_PATH = "api/2.0/mlflow/registered-models/search"
WORKSPACE_HEADER = "X-MLFLOW-WORKSPACE"
PAGE_SIZE = 1000
"""Models in one answer: MLflow's own upper bound."""
MAX_TOLD = 5


class RegisteredModel(BaseModel):
    """One of them."""

    name: str


class RegisteredModels(BaseModel):
    """MLflow's answer: some models, and the token of the next page, empty at the end."""

    registered_models: list[RegisteredModel] = []
    next_page_token: str = ""

    @property
    def names(self) -> list[str]:
        """What they are called."""
        return [one.name for one in self.registered_models]


def is_absent(status: int) -> bool:
    """Whether an answer with `status` means that no MLflow is there to be asked: the platform runs without one, or it is away. The proxy does not tell which."""
    return status in (404, 502, 503, 504) or 300 <= status < 400


def check_registered(project: str, model: str, known: Collection[str]) -> None:
    """Refuse a name that is none of the `known` ones.

    Raises
    ------
    ModelNotFoundError
        It says which names are near.
    """
    if model in known:
        return
    by_small = {name.lower(): name for name in known}
    near = [by_small[name] for name in get_close_matches(model.lower(), by_small, n=3)]
    if near:
        hint = f"Did you mean {' or '.join(repr(name) for name in near)}?"
    elif known:
        told = sorted(known)[:MAX_TOLD]
        hint = f"It has {', '.join(repr(name) for name in told)}{' and others' if len(known) > MAX_TOLD else ''}."
    else:
        hint = "It has none. Register one first, with `mlflow.register_model` or on MLflow's page."
    raise ModelNotFoundError(f"Project '{project}' has no registered model {model!r}, so nothing was shared. {hint}")
