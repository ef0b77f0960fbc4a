"""The page's connection to a kernel."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from labyard_lab.kernels.connection import PromptConnection


def connection(**parts: Any) -> PromptConnection:
    made = PromptConnection.__new__(PromptConnection)
    for name, part in parts.items():
        made.__dict__[name] = part
    return made


def test_messages_are_not_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(PromptConnection, "websocket_handler", SimpleNamespace(set_nodelay=calls.append))
    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "connect", lambda _: calls.append("connected"))
    connection().connect()
    assert calls == [True, "connected"]


@pytest.mark.parametrize(("state", "ends"), [("idle", "idle"), ("starting", "idle"), ("starting", "starting")])
async def test_the_kernels_first_sign_of_life_is_waited_for_briefly(monkeypatch: pytest.MonkeyPatch, state: str, ends: str) -> None:
    async def prepare(_: Any) -> None:
        asyncio.get_running_loop().call_soon(setattr, kernel, "execution_state", ends)

    kernel = SimpleNamespace(execution_state=state)
    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "prepare", prepare)
    monkeypatch.setattr(PromptConnection, "kernel_manager", kernel)
    await connection().prepare()
    assert kernel.execution_state == ends
