"""A page's connection to a kernel, without the waiting that the network's rules and Jupyter Server's slow repetition bring."""

from __future__ import annotations

import asyncio

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

__all__ = ["PromptConnection"]

ASK_AGAIN_SECONDS = (0.02, 0.04, 0.08, 0.16)
"""Jupyter Server itself asks again after 0.5 s."""


class PromptConnection(ZMQChannelsWebsocketConnection):
    """Jupyter Server's own, but messages go out at once, and the kernel's first sign of life is seen at once."""

    _asking: asyncio.Task[None] | None = None

    def connect(self) -> asyncio.Future[None] | None:  # type: ignore[override]  # as what we inherit from does
        """Connect the page's messages with the kernel's.

        A cell's answer is several small messages. Without this, the system holds back the second until the first is confirmed, which the other side delays by 40 ms.
        """
        self.websocket_handler.set_nodelay(True)
        connected: asyncio.Future[None] | None = super().connect()
        if connected is not None and not connected.done():
            self._asking = asyncio.ensure_future(self._ask_until(connected))
        return connected

    async def _ask_until(self, connected: asyncio.Future[None]) -> None:
        """Make the kernel say something until it has been heard: what it says before the connection for output stands is lost."""
        control = None
        try:
            for seconds in ASK_AGAIN_SECONDS:
                await asyncio.wait([connected], timeout=seconds)
                if connected.done() or self.kernel_id not in self.multi_kernel_manager:
                    return
                control = control or self.kernel_manager.connect_control()
                self.session.send(control, "kernel_info_request")
        finally:
            if control is not None:
                control.close()
