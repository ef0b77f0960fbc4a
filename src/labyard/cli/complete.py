"""Answers a shell that completes a command or an option, as click would, from a table of them. What a value may be, such as a project's name, click is left to find."""

from labyard.cli.quick import COMPLETE_VARIABLE, SHELLS, read_text, texts_folder

__all__ = ["TABLE_FILE", "complete"]

TABLE_FILE = "completion.txt"
"""A line for each command, option and argument, five fields between tabs: where it is, ``command``, ``option`` or ``argument``, its names, how it takes a value, its help.

An option takes ``none``, ``one`` (a value), ``many`` (values, given again and again), or counts as ``flags`` (may be repeated). An argument's values are ``plain``, of which
click knows nothing, or ``known``.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

Row = tuple[str, str, list[str], str, str]


def complete(environment: "Mapping[str, str]") -> str | None:
    """Return the answer to what a shell asks by its environment; None: click knows."""
    shell, _, wanted = environment[COMPLETE_VARIABLE].partition("_")
    words = environment.get("COMP_WORDS", "")
    # Quotes and escapes are for a real parser, and a "=" stands between an option and its value.
    if wanted != "complete" or shell not in SHELLS or not words.isascii() or any(sign in words for sign in "\"'\\="):
        return None
    found = _split(shell, words.split(), environment.get("COMP_CWORD", ""))
    folder = texts_folder() if found is not None else None
    table = read_text(f"{folder}/{TABLE_FILE}") if folder is not None else None
    if found is None or table is None:
        return None
    suggestions = _suggest(table, *found)
    return None if suggestions is None else "\n".join(_line(shell, name, text) for name, text in suggestions) + "\n"


def _split(shell: str, words: list[str], current: str) -> tuple[list[str], str] | None:
    """Return the words before the one that is completed, and what there is of that."""
    if shell == "fish":  # says the word itself
        before = words[1:]
        if current and before and before[-1] == current:
            before.pop()
        return (before, current) if len(current.split()) <= 1 else None
    if not current.isdecimal():
        return None
    number = int(current)
    return words[1:number], words[number] if number < len(words) else ""


def _suggest(table: str, before: list[str], incomplete: str) -> list[tuple[str, str]] | None:
    """Return names and their help."""
    path, rows, used = "", _rows(table, ""), set()
    words = iter(before)
    for word in words:
        if word.startswith("-"):
            row = next((row for row in rows if row[1] == "option" and word in row[2]), None)
            # An option before a command, `--`, several letters in one, or help, after which nothing counts.
            if row is None or "--help" in row[2] or any(row[1] == "command" for row in rows):
                return None
            if row[3] in ("one", "many") and next(words, None) is None and not incomplete.startswith("-"):
                return None
            if row[3] in ("none", "one"):
                used.add(row[2][0])
        elif any(row[1] == "command" for row in rows):
            if not any(row[1] == "command" and row[2] == [word] for row in rows):
                return None
            path = f"{path} {word}".lstrip()
            rows = _rows(table, path)
    if incomplete.startswith("-"):
        options = [row for row in rows if row[1] == "option" and row[2][0] not in used]
        return [(name, row[4]) for row in options for name in row[2] if name.startswith(incomplete)]
    if (incomplete and not incomplete[0].isalnum()) or any(row[1] == "argument" and row[3] != "plain" for row in rows):
        return None
    return [(row[2][0], row[4]) for row in rows if row[1] == "command" and row[2][0].startswith(incomplete)]


def _rows(table: str, path: str) -> list[Row]:
    lines = (line.split("\t") for line in table.splitlines() if line.startswith(f"{path}\t"))
    return [(where, kind, names.split(), how, text) for where, kind, names, how, text in lines]


def _line(shell: str, name: str, text: str) -> str:
    if shell == "zsh":
        return f"plain\n{name}\n{text or '_'}"
    return f"plain,{name}\t{text}" if shell == "fish" and text else f"plain,{name}"
