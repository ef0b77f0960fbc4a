"""From the request for a kernel to its first answer and to its first result, and one more cell: a server as Jupyter makes it, and Labyard's, in turn.

Both servers and kernels are of the same environments. Also: five kernels at once, and what the fork server keeps in memory.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psutil

from tests.benchmarks.report import compare
from tests.labyard_lab.kernel_server import AS_JUPYTER, KernelServer, open_kernel_server
from tests.platform import open_temporary_folder

ROUNDS = 15
AT_ONCE = 5
BURSTS = 4
JUPYTER, LABYARD = "Jupyter", "Labyard"


def time_kernel(server: KernelServer, _: int = 0) -> tuple[float, float, float]:
    """Start a kernel as a page does; return the seconds until it answers, until its first result, and for one more cell."""
    began = time.perf_counter()
    session = server.start()
    with server.connect(session) as kernel:
        kernel.info()
        answered = time.perf_counter()
        assert kernel.result("1+1").strip() == "2"
        first = time.perf_counter()
        kernel.result("1+2")
        second = time.perf_counter()
    server.end(session)
    return answered - began, first - began, second - first


def describe(process: psutil.Process) -> str:
    size = process.memory_full_info()
    return f"{size.pss / 2**20:.1f} MiB proportional, {size.uss / 2**20:.1f} MiB of its own"


def main() -> None:
    """Start kernels, and print the medians."""
    titles = ("request → the kernel answers", "request → first result", "one more cell")
    times: dict[str, dict[str, list[float]]] = {title: {JUPYTER: [], LABYARD: []} for title in titles}
    bursts: dict[str, list[float]] = {JUPYTER: [], LABYARD: []}
    with (
        open_temporary_folder() as folder,
        open_kernel_server(folder / "jupyter", AS_JUPYTER) as jupyter,
        open_kernel_server(folder / "labyard") as labyard,
        ThreadPoolExecutor(AT_ONCE) as threads,
    ):
        sides = {JUPYTER: jupyter, LABYARD: labyard}
        labyard.open_page()
        for _ in range(ROUNDS):
            for side, server in sides.items():
                for title, seconds in zip(titles, time_kernel(server), strict=True):
                    times[title][side].append(seconds)
                labyard.wait_until_ready()
        for _ in range(BURSTS):
            for side, server in sides.items():
                bursts[side].append(max(seconds[0] for seconds in threads.map(partial(time_kernel, server), range(AT_ONCE))))
                labyard.wait_until_ready()
        sizes = {"the fork server": describe(labyard.fork_servers()[0])}
        for side, server in sides.items():
            session = server.start()
            with server.connect(session) as kernel:
                sizes[f"a kernel, {side}"] = describe(psutil.Process(int(kernel.result("import os; print(os.getpid())"))))
    for title in titles:
        compare(title, "s", times[title], base=JUPYTER)
    compare(f"{AT_ONCE} requests at once → the last kernel answers", "s", bursts, base=JUPYTER)
    for what, size in sizes.items():
        print(f"{what}: {size}")


if __name__ == "__main__":
    main()
