"""Kernels that Jupyter's own commands start in a server's terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from labyard_hub import singleuser

CODE = "import json; from ipykernel import get_connection_file; print(json.load(open(get_connection_file()))['transport'])"


def test_nbconvert_runs_its_kernel_over_unix_sockets(tmp_path: Path) -> None:
    """On TCP each account of the machine could connect."""
    cell = {"cell_type": "code", "execution_count": None, "id": "a", "metadata": {}, "outputs": [], "source": CODE}
    notebook = tmp_path / "notebook.ipynb"
    notebook.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "JUPYTER_CONFIG_PATH": str(Path(singleuser.__file__).parent),
        "JUPYTER_RUNTIME_DIR": str(tmp_path), "JUPYTER_PATH": f"{sys.prefix}/share/jupyter",
    }  # fmt: skip
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--execute", "--to", "notebook", "--output", "done", str(notebook)]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    (output,) = json.loads((tmp_path / "done.ipynb").read_text())["cells"][0]["outputs"]
    assert output["text"] == ["ipc\n"]
