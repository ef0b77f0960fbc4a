"""The page's connection to a kernel."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from labyard_lab.kernels.connection import ASK_AGAIN_SECONDS, PromptConnection


class Parts:
    """What is around a connection, and what happened to it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[Any] = []
        self.connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.kernel = SimpleNamespace(
            execution_state="idle", connect_control=lambda: SimpleNamespace(close=lambda: self.calls.append("closed"))
        )
        session = SimpleNamespace(send=lambda _, message: self.calls.append(message))
        for name, part in {
            "websocket_handler": SimpleNamespace(set_nodelay=lambda on: self.calls.append(("at once", on))),
            "kernel_manager": self.kernel, "multi_kernel_manager": {"k"}, "kernel_id": "k", "session": session,
        }.items():  # fmt: skip
            monkeypatch.setattr(PromptConnection, name, part)
        monkeypatch.setattr(ZMQChannelsWebsocketConnection, "connect", lambda _: self.connected)
        self.connection = PromptConnection.__new__(PromptConnection)


async def test_messages_are_not_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Parts(monkeypatch)
    parts.connected.set_result(None)
    assert parts.connection.connect() is parts.connected
    assert parts.calls == [("at once", True)]


async def test_a_kernel_that_was_not_heard_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Parts(monkeypatch)
    parts.connection.connect()
    task = parts.connection._asking
    assert task is not None
    await task
    assert parts.calls[1:] == [*["kernel_info_request"] * len(ASK_AGAIN_SECONDS), "closed"]


async def test_it_is_asked_no_more_once_it_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = Parts(monkeypatch)
    parts.connection.connect()
    parts.connected.set_result(None)
    task = parts.connection._asking
    assert task is not None
    await task
    assert parts.calls == [("at once", True)]
