"""Executes a notebook with the image's kernel and prints what its last cell says. Run by the server's interpreter."""

import json
import sys

import nbformat
from nbclient import NotebookClient

cells = json.loads(sys.argv[1])
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
NotebookClient(notebook, timeout=240, resources={"metadata": {"path": "/tmp"}}).execute()
# A CUDA library without a GPU complains on the other stream.
print("".join(output.get("text", "") for output in notebook.cells[-1].outputs if output.get("name") == "stdout").strip())
