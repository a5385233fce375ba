"""The documentation: its pages, their tables, code blocks and shell commands, and the OpenAPI document."""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: Every page of the documentation, by its path below ROOT.
PAGES = (
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "deploy/README.md", "examples/README.md"),
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")),
)


def page(name: str) -> str:
    """Return the text of a page, such as docs/api.md."""
    return (ROOT / name).read_text("utf-8")


def rows(name: str, first: str) -> list[str]:
    """Return the rows of the table of a page whose first column has that heading."""
    _, found, table = page(name).partition(f"| {first} |")
    assert found, f"{name} has no table with the column {first}"
    return table.partition("\n\n")[0].splitlines()[2:]


def first_cells(name: str, first: str) -> set[str]:
    """Return all words in backticks in the first column of that table."""
    return {word for row in rows(name, first) for word in re.findall(r"`([\w/.-]+)`", row.split(" | ")[0])}


def blocks(name: str, language: str) -> list[str]:
    """Return a page's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page(name), re.M | re.S)


def shell_commands(name: str) -> list[str]:
    """Return a page's shell commands, one per string."""
    lines = "".join(blocks(name, "sh")).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip()]


def resolved(whole: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema behind a reference into an OpenAPI document; one that is no reference itself."""
    for name in schema.get("$ref", "#").split("/")[1:]:
        whole = whole[name]
    return whole if "$ref" in schema else schema
