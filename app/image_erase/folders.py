"""The default folder of the server's data."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

#: The folder in a clone of the repository, used if the working directory has one of this name.
BESIDE = "storage"


def default_storage(here: Path, environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> str:
    """Return the default storage URL.

    `file:storage` if the working directory has such a folder, otherwise the platform's data folder of the user.
    here: the working directory. platform: as sys.platform.
    """
    if (here / BESIDE).is_dir():
        return f"file:{BESIDE}"
    try:
        return (data_folder(environment, platform) / "image-erase").as_uri()
    except RuntimeError:  # a user without a home folder
        return f"file:{BESIDE}"


def data_folder(environment: Mapping[str, str], platform: str) -> Path:
    """Return where programs keep a user's data.

    Linux: XDG Base Directory Specification, which wants relative paths ignored. macOS: File System Programming Guide.
    Windows: Known Folders, FOLDERID_LocalAppData.
    """
    home = Path.home()
    if platform == "darwin":
        return home / "Library" / "Application Support"
    name, usual = ("LOCALAPPDATA", "AppData/Local") if platform == "win32" else ("XDG_DATA_HOME", ".local/share")
    said = Path(environment.get(name, ""))
    return said if said.is_absolute() else home / usual
