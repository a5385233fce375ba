"""The format in which a result is written, and how its pixels are converted for it."""

import io
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from image_erase.imaging.picture import Picture, Pixels

Output = Literal["same", "jpeg or png", "jpeg", "png", "webp"]

# The formats that `same` keeps.
_WRITTEN = frozenset({"JPEG", "PNG", "WEBP", "BMP", "TIFF"})
_MOST_WEBP_SIDE = 16383
_WHITE = 255


@dataclass(frozen=True)
class Target:
    """format: `JPEG`, `PNG`, `WEBP`, `BMP` or `TIFF`. reasons: conversions that it made necessary, by stable name."""

    format: str
    reasons: tuple[str, ...] = ()


def target_of(picture: Picture, output: Output) -> Target:
    """Return the format in which a result is written.

    `same` is the source's format. Formats that cannot be written are replaced: GIF, which has too few colours, by PNG;
    AVIF and HEIC by JPEG, or by WebP if there is transparency.
    """
    if output == "jpeg or png":
        return Target("JPEG" if picture.format == "JPEG" else "PNG")
    if output == "same":
        return _nearest(picture)
    if output == "webp" and max(picture.size) > _MOST_WEBP_SIDE:
        return Target("PNG", ("too_large",))
    return Target(output.upper())


def _nearest(picture: Picture) -> Target:
    if picture.format in _WRITTEN:
        return Target(picture.format)
    if picture.format == "GIF":
        return Target("PNG", ("gif_to_png",))
    if picture.has_alpha:
        return Target("WEBP", ("to_webp",)) if max(picture.size) <= _MOST_WEBP_SIDE else Target("PNG", ("too_large",))
    return Target("JPEG", ("to_jpeg",))


def fitted(picture: Picture, target: Target) -> tuple[Picture, Target]:
    """Return the picture converted for the format, and the target with the reasons for all changes."""
    reasons = list(target.reasons)
    if picture.pixels.dtype == np.uint16 and target.format not in ("PNG", "TIFF"):
        picture = replace(picture, pixels=_in_8_bits(picture.pixels))
        reasons.append("eight_bits")
    if picture.mode == "CMYK" and target.format not in ("JPEG", "TIFF"):
        picture = _without_ink(picture)
        reasons.append("no_ink")
    if picture.has_alpha and target.format == "JPEG":
        if not _is_opaque(picture.pixels):
            reasons.append("no_alpha")
        picture = _on_white(picture)
    return picture, Target(target.format, tuple(reasons))


def _in_8_bits(pixels: Pixels) -> NDArray[np.uint8]:
    """Round 16-bit samples to 8 bits."""
    return ((pixels.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def _is_opaque(pixels: Pixels) -> bool:
    return bool((pixels[..., -1] == _WHITE).all())


def _on_white(picture: Picture) -> Picture:
    """Composite 8-bit `LA` or `RGBA` over white, giving `L` or `RGB`."""
    alpha = picture.pixels[..., -1:].astype(np.uint16)
    shown = (picture.pixels[..., :-1] * alpha + _WHITE * (255 - alpha) + 127) // 255
    return replace(picture, pixels=shown.astype(np.uint8), mode=picture.mode[:-1])


def _without_ink(picture: Picture) -> Picture:
    """Convert a CMYK picture to sRGB, by its own profile if that is usable."""
    image = Image.fromarray(np.ascontiguousarray(picture.pixels), "CMYK")
    converted = _by_profile(image, picture.icc_profile) or image.convert("RGB")
    source = picture.source and replace(picture.source, icc_profile=None)
    return replace(picture, pixels=np.asarray(converted), mode="RGB", icc_profile=None, source=source)


def _by_profile(image: Image.Image, profile: bytes | None) -> Image.Image | None:
    if not profile:
        return None
    from PIL import ImageCms  # noqa: PLC0415, workers start without it

    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
