"""A page's connection to a kernel, without the waiting that only the network's rules and a coarse look bring."""

from __future__ import annotations

import asyncio
from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

__all__ = ["PromptConnection"]

STATE_LOOK_SECONDS = 0.002
STATE_LOOKS = 25


class PromptConnection(ZMQChannelsWebsocketConnection):
    """Jupyter Server's own, but messages go out at once, and the kernel's first sign of life is seen at once."""

    async def prepare(self) -> None:
        """Wait for the kernel.

        It has answered then, but the server's note that it is no longer starting may be a millisecond behind, and what comes next looks at it every 50 ms.
        """
        await super().prepare()  # type: ignore[no-untyped-call]
        for _ in range(STATE_LOOKS):
            if getattr(self.kernel_manager, "execution_state", None) != "starting":
                return
            await asyncio.sleep(STATE_LOOK_SECONDS)

    def connect(self) -> Any:
        """Connect the page's messages with the kernel's.

        A cell's answer is several small messages. Without this, the system holds back the second until the first is confirmed, which the other side delays by 40 ms.
        """
        self.websocket_handler.set_nodelay(True)
        return super().connect()
