"""Find libturbojpeg and declare its TurboJPEG API (turbojpeg.h, 2.1 and later) for ctypes.

The API works in memory, never exits the process and reports errors of libjpeg as strings. It is bound by ctypes because
no Python package offers all of it.
"""

import ctypes
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path

# Packages whose wheel contains the TurboJPEG API, and its path; none of their Python code is run.
_CARRIERS = (
    ("pylibjxl", "_pylibjxl*.so"),
    ("turbojpeg", "turbojpeg.libs/libturbojpeg*.so*"),
    ("turbojpeg", "turbojpeg.dylibs/libturbojpeg*.dylib"),
    ("turbojpeg", "turbojpeg-*.dll"),
)
# Names for the system's loader, and the paths of Homebrew, MacPorts and the installer for Windows.
_SYSTEM = (
    "libturbojpeg.so.0",
    "libturbojpeg.0.dylib",
    "/opt/homebrew/opt/jpeg-turbo/lib/libturbojpeg.0.dylib",
    "/usr/local/opt/jpeg-turbo/lib/libturbojpeg.0.dylib",
    "/opt/local/lib/libturbojpeg.0.dylib",
    "turbojpeg.dll",
    "C:/libjpeg-turbo64/bin/turbojpeg.dll",
)


class LibraryMissing(RuntimeError):
    """No libturbojpeg was found on this system."""


class Region(ctypes.Structure):
    """TurboJPEG's tjregion: left, top, width and height in pixels."""

    _fields_ = [(name, ctypes.c_int) for name in "xywh"]


Filter = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), Region, Region, ctypes.c_int, ctypes.c_int, ctypes.c_void_p
)


class Transform(ctypes.Structure):
    """TurboJPEG's tjtransform."""

    _fields_ = [
        ("r", Region),
        ("op", ctypes.c_int),
        ("options", ctypes.c_int),
        ("data", ctypes.c_void_p),
        ("customFilter", Filter),
    ]


def available() -> bool:
    """Return whether there is a libturbojpeg."""
    try:
        find_library()
    except LibraryMissing:
        return False
    return True


def complete() -> bool:
    """Return whether the library supports restart intervals, any sampling and optimisation (TurboJPEG 3.1)."""
    return has_v3(find_library())


def has_v3(library: ctypes.CDLL) -> bool:
    """Whether a library has the API of TurboJPEG 3.1."""
    return hasattr(library, "tj3TransformBufSize")


@cache
def find_library() -> ctypes.CDLL:
    """Return the best library there is, declared. Raises LibraryMissing."""
    found: ctypes.CDLL | None = None
    for library in _candidates():
        if has_v3(library):
            return _declare(library)
        found = found or library
    if found is None:
        raise LibraryMissing("no libturbojpeg")
    return _declare(found)


def _candidates() -> Iterator[ctypes.CDLL]:
    """Load the libraries that have the transform, those in Python packages first, because their version is known."""
    for path in (*_packaged(), *_SYSTEM):
        try:
            library = ctypes.CDLL(path)
        except OSError:
            continue
        if hasattr(library, "tjTransform"):
            yield library


def _packaged() -> Iterator[str]:
    for package, pattern in _CARRIERS:
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            yield from (str(path) for path in sorted(Path(spec.origin).parent.glob(pattern)))


def _declare(library: ctypes.CDLL) -> ctypes.CDLL:
    picture = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)
    result = (ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_size_t), ctypes.POINTER(Transform))
    library.tjInitTransform.restype = library.tjInitDecompress.restype = ctypes.c_void_p
    library.tjDestroy.argtypes = library.tjGetErrorCode.argtypes = library.tjGetErrorStr2.argtypes = [ctypes.c_void_p]
    library.tjGetErrorStr2.restype = ctypes.c_char_p
    library.tjFree.argtypes = [ctypes.c_void_p]
    library.tjTransform.argtypes = [*picture, ctypes.c_int, *result, ctypes.c_int]
    if has_v3(library):
        library.tj3Transform.argtypes = [*picture, ctypes.c_int, *result]
        library.tj3Set.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
        library.tj3Get.argtypes = [ctypes.c_void_p, ctypes.c_int]
        library.tj3DecompressHeader.argtypes = [*picture]
        library.tj3SetCroppingRegion.argtypes = [ctypes.c_void_p, Region]
        library.tj3Decompress8.argtypes = [*picture, ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
    return library
