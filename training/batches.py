"""Batches of crops and holes, made on the device that trains."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from . import SIDE
from .tiles import Tiles, TileSet

ENLARGED = 2
"""Crops are sampled at this many times their size and averaged, so that fine detail does not alias."""

SCALES = (0.5, 1.0)
"""Length of a crop in tiles."""

TURNED, MOST_TURN = 0.4, 0.25
"""Share of crops that are turned, and by how much at most, in radians."""

STRETCH = 0.25
"""Logarithm of the most that a crop is stretched."""

SWAPPED = 0.2
"""Share of crops with their colour channels in another order."""

MIRRORED = 0.5
"""Share of crops, and of holes, that are mirrored along an axis."""


class Batches:
    """Random crops with random holes. Nothing is copied from or to the device, so that a step can be recorded."""

    def __init__(self, tiles: TileSet, masks: NDArray[np.uint8], device: torch.device) -> None:
        """masks: packed bits as from masks.generate. Everything is copied to the device."""
        self.device = device
        self.tiles = torch.from_numpy(tiles.tiles).to(device)
        self.until = torch.from_numpy(np.cumsum(tiles.weight, dtype=np.float64) / tiles.weight.sum()).to(device)
        self.masks = unpacked(masks, device)

    def take(self, count: int) -> tuple[Tensor, Tensor]:
        """`count` crops (Nx3xSIDExSIDE RGB, 0..1) and holes (Nx1xSIDExSIDE, 1 in the hole)."""
        chance = torch.rand(count, device=self.device, dtype=torch.float64)
        tile = torch.searchsorted(self.until, chance).clamp_max(len(self.tiles) - 1)
        hole = torch.randint(len(self.masks), (count,), device=self.device)
        image = coloured(sampled(self.tiles[tile], _placement(count, self.device)))
        return image.contiguous(memory_format=torch.channels_last), flipped(self.masks[hole].float()[:, None])


def held_out(tiles: Tiles, masks: NDArray[np.uint8], device: torch.device, count: int) -> tuple[Tensor, Tensor]:
    """Crops and holes for measuring, always the same: the middle three quarters of each tile in turn."""
    picture = torch.from_numpy(tiles).to(device)[torch.arange(count, device=device) % len(tiles)]
    middle = torch.tensor([[0.75, 0, 0], [0, 0.75, 0]], device=device).expand(count, 2, 3)
    hole = unpacked(masks, device)[torch.arange(count, device=device) % len(masks)]
    return sampled(picture, middle).contiguous(memory_format=torch.channels_last), hole.float()[:, None]


def unpacked(masks: NDArray[np.uint8], device: torch.device) -> Tensor:
    """Packed bits to NxSIDExSIDE uint8 on the device."""
    return torch.from_numpy(np.unpackbits(masks, axis=1).reshape(-1, SIDE, SIDE)).to(device)


def sampled(tiles: Tensor, placement: Tensor) -> Tensor:
    """Crops of NxSxSx3 uint8 tiles: Nx3xSIDExSIDE. placement: Nx2x3, from the crop's -1..1 to the tile's."""
    image = tiles.permute(0, 3, 1, 2).float() / 255
    large = (len(tiles), 3, ENLARGED * SIDE, ENLARGED * SIDE)
    places = functional.affine_grid(placement, list(large), align_corners=False)
    found = functional.grid_sample(image, places, padding_mode="reflection", align_corners=False)
    return functional.avg_pool2d(found, ENLARGED)


def _placement(count: int, device: torch.device) -> Tensor:
    """Random scale, place, turn, stretch and mirroring of crops."""

    def between(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, device=device)

    scale, stretch = between(*SCALES), torch.exp(between(-STRETCH, STRETCH))
    mirror = torch.where(between(0, 1) < MIRRORED, -1.0, 1.0)
    angle = between(-MOST_TURN, MOST_TURN) * (between(0, 1) < TURNED)
    x, y = between(-1, 1) * (1 - scale), between(-1, 1) * (1 - scale)
    cosine, sine = scale * torch.cos(angle), scale * torch.sin(angle)
    rows = [torch.stack([cosine * mirror, -sine, x], 1), torch.stack([sine * mirror * stretch, cosine * stretch, y], 1)]
    return torch.stack(rows, 1)


def coloured(image: Tensor) -> Tensor:
    """The crops with other contrast, brightness, tint, saturation and, some, other order of channels."""

    def around(width: float, channels: int = 1) -> Tensor:
        return (torch.rand(len(image), channels, 1, 1, device=image.device) * 2 - 1) * width

    order = torch.rand(len(image), 3, device=image.device).argsort(1)[:, :, None, None].expand_as(image)
    image = torch.where(around(1) < 2 * SWAPPED - 1, image.gather(1, order), image)
    grey = image.mean(1, keepdim=True)
    image = grey + (image - grey) * (0.9 + around(0.4))
    image = (image - 0.5) * (1 + around(0.2)) + 0.5 + around(0.1) + around(0.04, 3)
    return image.clamp(0, 1)


def flipped(masks: Tensor) -> Tensor:
    """Each hole mirrored along either axis and along the diagonal, or not, at random."""
    chances = torch.rand(3, len(masks), 1, 1, 1, device=masks.device) < MIRRORED
    masks = torch.where(chances[0], masks.flip(3), masks)
    masks = torch.where(chances[1], masks.flip(2), masks)
    return torch.where(chances[2], masks.transpose(2, 3), masks).contiguous()
