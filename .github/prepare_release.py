"""Prepare the tree for a release: check that the version is that of the tag, and make the README's links absolute.

Arguments: the tag, such as v1.2.3, and the address of the repository's pages, without a slash at the end. The package's
page on an index shows the README, and has neither the pictures nor the pages that it links to.
"""

import re
import sys
from pathlib import Path

_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?://|#)([^)\s]+)\)")


def version_of(init: str) -> str:
    """Return the version that a package's __init__.py says. Raises ValueError where it says none."""
    found = re.search(r'^__version__ = "([^"]+)"$', init, re.M)
    if not found:
        raise ValueError("there is no __version__")
    return found[1]


def absolute(readme: str, pages: str, tag: str) -> str:
    """Return the README with absolute links: pictures as they are, everything else as the repository shows it."""

    def link(match: re.Match[str]) -> str:
        picture, text, target = match.groups()
        inner = _LINK.sub(link, text)
        return f"{picture}[{inner}]({pages}/{'raw' if picture else 'blob'}/{tag}/{target})"

    return _LINK.sub(link, readme)


def with_urls(project: str, pages: str, tag: str) -> str:
    """Return the pyproject.toml with the project's URLs before its scripts."""
    urls = {
        "Homepage": pages,
        "Documentation": f"{pages}/tree/{tag}/docs",
        "Changelog": f"{pages}/blob/{tag}/CHANGELOG.md",
        "Issues": f"{pages}/issues",
    }
    lines = "".join(f'{name} = "{url}"\n' for name, url in urls.items())
    before, scripts, after = project.partition("[project.scripts]\n")
    if not scripts:
        raise ValueError("there is no [project.scripts]")
    return f"{before}[project.urls]\n{lines}\n{scripts}{after}"


def main(tag: str, pages: str, root: Path) -> None:
    """Change README.md and pyproject.toml. Raises ValueError where the version is not that of the tag."""
    version = version_of((root / "app/image_erase/__init__.py").read_text("utf-8"))
    if tag != f"v{version}":
        raise ValueError(f"the tag is {tag}, and the version {version}")
    for name, change in (("README.md", absolute), ("pyproject.toml", with_urls)):
        path = root / name
        path.write_text(change(path.read_text("utf-8"), pages, tag), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(__file__).resolve().parents[1])
