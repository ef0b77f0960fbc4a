"""From the request for a kernel to its first answer and to its first result: Jupyter's own start, and a kernel from the pool, in one server in turn.

Both kernels are of the same environment; their descriptions differ in the provisioner that they name. Also: five at once, and what the pool keeps in memory.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from tests.benchmarks.report import compare
from tests.labyard_lab.kernel_server import STOCK, KernelServer, open_kernel_server
from tests.platform import open_temporary_folder

ROUNDS = 15
AT_ONCE = 5
BURSTS = 4
SIDES = {"Jupyter's start": STOCK, "from the pool": "python3"}


def time_kernel(server: KernelServer, name: str) -> tuple[float, float]:
    """Start a kernel as a page does, and return the seconds until it answers and until its first result."""
    began = time.perf_counter()
    session = server.start(name)
    with server.connect(session) as kernel:
        kernel.info()
        ready = time.perf_counter() - began
        assert kernel.result("1+1").strip() == "2"
        first = time.perf_counter() - began
    server.end(session)
    return ready, first


def main() -> None:
    """Start kernels, and print the medians."""
    ready: dict[str, list[float]] = {side: [] for side in SIDES}
    first: dict[str, list[float]] = {side: [] for side in SIDES}
    bursts: dict[str, list[float]] = {side: [] for side in SIDES}
    with open_temporary_folder() as folder, open_kernel_server(folder) as server, ThreadPoolExecutor(AT_ONCE) as threads:
        server.open_page()
        for _ in range(ROUNDS):
            for side, name in SIDES.items():
                one, two = time_kernel(server, name)
                ready[side].append(one)
                first[side].append(two)
                server.wait_for_waiting()
        for _ in range(BURSTS):
            for side, name in SIDES.items():
                bursts[side].append(max(pair[0] for pair in threads.map(lambda name: time_kernel(server, name), [name] * AT_ONCE)))
                server.wait_for_waiting()
        memory = {"parent": server.parents()[0].memory_full_info(), "one that waits": server.waiting()[0].memory_full_info()}
        print(server.server.log.read_text()[-1500:])
    base = next(iter(SIDES))
    compare("request → the kernel answers", "s", ready, base=base)
    compare("request → first result", "s", first, base=base)
    compare(f"{AT_ONCE} requests at once → the last kernel answers", "s", bursts, base=base)
    for what, size in memory.items():
        print(f"{what}: {size.pss / 2**20:.1f} MiB proportional, {size.uss / 2**20:.1f} MiB of its own")


if __name__ == "__main__":
    main()
