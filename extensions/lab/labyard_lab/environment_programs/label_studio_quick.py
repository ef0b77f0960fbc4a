"""Makes Label Studio start sooner and smaller: what it does of its own accord for nothing is left out.

Where a later Label Studio has no such place any more, it works as it was made.
"""

import contextlib
import importlib
import json
import sys
import threading
import types
import typing

_loading = threading.RLock()


@contextlib.contextmanager
def quickened():
    """Set Label Studio up inside."""
    read_flags_as_json()
    with pandas_put_off():
        yield


def read_flags_as_json():
    """Let the file of switches be read by Python's own reader of JSON. The library takes YAML's for it, written in Python: a sixth of the start."""
    with contextlib.suppress(ImportError):
        from ldclient.impl.integrations.files import file_data_source

        if hasattr(file_data_source, "yaml"):
            file_data_source.yaml = types.SimpleNamespace(safe_load=_load(file_data_source.yaml.safe_load))


def _load(otherwise):
    def safe_load(content):
        try:
            return json.loads(content)
        except ValueError:
            return otherwise(content)

    return safe_load


@contextlib.contextmanager
def pandas_put_off():
    """Let pandas be imported when something of it is first used, by an import or export of tables: a tenth of the start, and 50 MB.

    While Label Studio is imported, one of its modules names the table's class as what a function returns, and needs no more of it than the name.
    """
    if "pandas" in sys.modules:
        yield
        return
    stand_in = types.ModuleType("pandas", "Imports the real one when it is first used.")

    def load(name):
        if name.startswith("__"):
            raise AttributeError(name)
        with _loading:
            if sys.modules.get("pandas") is stand_in:
                del sys.modules["pandas"]
            return getattr(importlib.import_module("pandas"), name)

    stand_in.__getattr__ = load
    stand_in.DataFrame = typing.Any
    sys.modules["pandas"] = stand_in
    try:
        yield
    finally:
        del stand_in.DataFrame
