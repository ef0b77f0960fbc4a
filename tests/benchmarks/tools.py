"""Tools with much data, each against the stock way: ``make bench ARGS=tools``, or only the parts that ``LABYARD_BENCH_TOOLS`` names.

``LABYARD_BENCH_TOOLS=tensorboard,mlflow`` runs these two.
"""

from __future__ import annotations

import os

from tests.benchmarks import tools_label_studio, tools_mlflow, tools_opening

__all__ = ["main"]

PARTS = {"tensorboard": tools_opening.tensorboard, "mlflow": tools_mlflow.main, "label-studio": tools_label_studio.label_studio}


def main() -> None:
    """Measure and print the parts that are asked for, or all."""
    asked = [name for name in os.environ.get("LABYARD_BENCH_TOOLS", "").split(",") if name] or list(PARTS)
    for name in asked:
        if name not in PARTS:
            raise SystemExit(f"there is no part {name}; there are {', '.join(PARTS)}")
        PARTS[name]()


if __name__ == "__main__":
    main()
