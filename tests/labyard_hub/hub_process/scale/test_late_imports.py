"""The hub starts without the grammar that nobody asks for, and who asks gets it."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
import labyard_hub.hub_process.scale.app
loaded = "lark" in sys.modules
from jsonschema import Draft202012Validator as Validator
check = Validator({"format": "iri"}, format_checker=Validator.FORMAT_CHECKER).is_valid
print(loaded, check("http://example.org/"), check("no address"), "lark" in sys.modules)
"""


def test_the_hub_does_without_the_grammar_until_somebody_asks() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["False", "True", "False", "True"]
