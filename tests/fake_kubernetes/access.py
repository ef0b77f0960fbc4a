"""Who may do what: rules as Roles write them, for a token each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.fake_kubernetes.errors import ApiError
from tests.fake_kubernetes.resources import Resource

__all__ = ["Access", "Account"]


@dataclass(frozen=True)
class Account:
    """Somebody who calls.

    Attributes
    ----------
    name
        Such as ``system:serviceaccount:team:hub``.
    rules
        ``rules`` of Roles by namespace; those of ClusterRoles that are bound cluster-wide are under the empty name.
    """

    name: str
    rules: Mapping[str, Sequence[Mapping[str, Any]]]


class Access:
    """Checks tokens. While no account was added, everybody may do everything."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}

    def add(self, token: str, account: Account) -> None:
        """Let `token` be that of `account`."""
        self._accounts[token] = account

    def check(self, header: str, verb: str, resource: Resource, namespace: str, below: str = "") -> None:
        """Refuse what no rule allows.

        Parameters
        ----------
        below
            The subresource, such as ``log``.

        Raises
        ------
        ApiError
            401 for an unknown token, 403 for a known one.
        """
        if not self._accounts:
            return
        account = self._accounts.get(header.removeprefix("Bearer "))
        if account is None:
            raise ApiError(401, "Unauthorized", "Unauthorized")
        rules = [*account.rules.get("", ()), *(account.rules.get(namespace, ()) if namespace else ())]
        name = f"{resource.plural}/{below}" if below else resource.plural
        if not any(_allows(rule, verb, resource.group, name) for rule in rules):
            where = f' in the namespace "{namespace}"' if namespace else " at the cluster scope"
            raise ApiError(
                403, "Forbidden",
                f'{resource.plural} is forbidden: User "{account.name}" cannot {verb} resource "{name}" in API group "{resource.group}"{where}',
                {"kind": resource.plural},
            )  # fmt: skip


def _allows(rule: Mapping[str, Any], verb: str, group: str, name: str) -> bool:
    return all(
        value in rule.get(key, ()) or "*" in rule.get(key, ())
        for key, value in (("verbs", verb), ("resources", name), ("apiGroups", group))
    )
