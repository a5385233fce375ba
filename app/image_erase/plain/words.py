"""Texts of the plain API about results. ASCII, because they are sent in headers."""

from collections.abc import Mapping

from image_erase.jobs.messages import FormatReason

#: What a format made necessary.
FORMAT_REASONS: Mapping[FormatReason, str] = {
    FormatReason.GIF_TO_PNG: "A GIF has too few colours for the filled area, so this is a lossless PNG",
    FormatReason.TO_JPEG: "The format of the image cannot be written, so this is a JPEG of high quality",
    FormatReason.TO_WEBP: "The format of the image cannot be written, so this is a WebP of high quality",
    FormatReason.TOO_LARGE: "A WebP has at most 16383 pixels a side, so this is a lossless PNG",
    FormatReason.NO_ALPHA: "A JPEG has no transparency, so the picture is shown on white",
    FormatReason.EIGHT_BITS: "The format has 8 bits a channel, so the 16 of the image were rounded",
    FormatReason.NO_INK: "The format has no CMYK, so the colours were converted to sRGB",
}
