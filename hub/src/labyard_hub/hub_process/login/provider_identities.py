"""Which person of the identity provider is which user, in the hub's database.

People are told apart by the identifier that the provider never gives twice (`sub`), not by their name, which may change there or come to somebody else.
"""

from __future__ import annotations

import hashlib
from typing import Any

from jupyterhub import orm
from sqlalchemy import Column, ForeignKey, Integer, String, Unicode
from sqlalchemy.orm import Session

__all__ = ["FormerName", "ProviderIdentity", "bind", "bound_user", "identity_of", "keep_name", "keeper_of", "key_of"]


class ProviderIdentity(orm.Base):  # type: ignore[misc]  # jupyterhub carries no types
    """A row per user who signed in; JupyterHub makes the table with its own, and the row goes with the user."""

    __tablename__ = "labyard_provider_identities"

    key = Column(String(64), primary_key=True)
    user_id = Column(Integer, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, unique=True)
    issuer = Column(Unicode(255), nullable=False)
    claim = Column(Unicode(255), nullable=False)
    """What the provider called them when they first came, for an administrator who has to find them there."""


class FormerName(orm.Base):  # type: ignore[misc]  # see above
    """A name whose owner was removed."""

    __tablename__ = "labyard_former_names"

    name = Column(Unicode(255), primary_key=True)
    key = Column(String(64), nullable=False)


def key_of(issuer: str, subject: str) -> str:
    """Return what a person of a provider is kept under."""
    return hashlib.sha256(f"{issuer}\0{subject}".encode()).hexdigest()


def bound_user(db: Session, key: str) -> Any:
    """Return the hub's user that a person is; None if they never came."""
    return db.query(orm.User).join(ProviderIdentity, ProviderIdentity.user_id == orm.User.id).filter(ProviderIdentity.key == key).first()


def identity_of(db: Session, user: Any) -> ProviderIdentity | None:
    """Return who a user of the hub is at the provider; None for users who did not come from there."""
    found: ProviderIdentity | None = db.query(ProviderIdentity).filter(ProviderIdentity.user_id == user.id).first()
    return found


def bind(db: Session, key: str, user: Any, *, issuer: str, claim: str) -> None:
    """Note that the person `key` is `user`; nobody else can be from then on, also not who was until now."""
    if db.get(ProviderIdentity, key) is None:
        db.query(ProviderIdentity).filter(ProviderIdentity.user_id == user.id).delete()
        db.add(ProviderIdentity(key=key, user_id=user.id, issuer=issuer[:255], claim=claim[:255]))
        db.commit()


def keep_name(db: Session, user: Any) -> None:
    """Note whose name it was, of a user who is about to be removed."""
    identity = identity_of(db, user)
    if identity is not None:
        db.merge(FormerName(name=user.name, key=identity.key))
        db.commit()


def keeper_of(db: Session, name: str) -> str | None:
    """Return which person had a name last that nobody has now; None where nobody ever did."""
    found = db.get(FormerName, name)
    return str(found.key) if found is not None else None
