"""The layout network: what a hole may hide, as structure and colour at low resolution, and how sure that is."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from . import SIDE

DOUBTFUL = 0.05
"""Expected error, of 1, at which the confidence is one half."""

COARSEST = 4
"""Side in px at which the smooth fill takes the mean of all known colours."""

ENTRY = "enter.0.0"
"""Name of the first convolution."""

DILATIONS = (1, 2, 4, 8, 4, 2, 1)
ATTENTIVE = (2, 5)
"""Numbers of the middle blocks that are followed by attention."""


def smooth_fill(image: Tensor, mask: Tensor) -> Tensor:
    """The hole filled with smooth colours: averages over growing squares of known pixels (pull-push).

    image: Nx3xSxS with 0 in the hole, S a power of two times COARSEST. mask: Nx1xSxS, 1 in the hole.
    """
    colour, known = image, 1 - mask
    levels = [(colour, known)]
    while colour.shape[-1] > COARSEST:
        colour, known = functional.avg_pool2d(colour, 2), functional.avg_pool2d(known, 2)
        levels.append((colour, known))
    share = known.mean((2, 3), keepdim=True).clamp_min(1e-4)
    filled = (colour.mean((2, 3), keepdim=True) / share).expand_as(colour)
    for colour, known in reversed(levels):
        if filled.shape[-1] != colour.shape[-1]:
            filled = functional.interpolate(filled, scale_factor=2.0, mode="bilinear", align_corners=False)
        trust = (known * 4).clamp_max(1.0)
        filled = trust * (colour / known.clamp_min(1e-4)) + (1 - trust) * filled
    return filled


class Step(nn.Sequential):
    """A 3x3 convolution, batch norm, and what is above zero of it."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


class Residual(nn.Module):
    """Two 3x3 convolutions, the first dilated, whose result is added to what came in; at first it adds nothing."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.second_norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        """NxCxHxW to the same shape."""
        change = functional.relu(self.first_norm(self.first(x)))
        return functional.relu(x + self.second_norm(self.second(change)))


class Attention(nn.Module):
    """Every place looks at every other (self-attention with learned places); at first it adds nothing."""

    def __init__(self, channels: int, heads: int = 4, side: int = SIDE // 8) -> None:
        """side: height and width of what comes in."""
        super().__init__()
        inner = channels // 2
        self.heads, self.inner, self.cells = heads, inner, side * side
        self.norm = nn.BatchNorm2d(channels)
        self.place = nn.Parameter(torch.randn(1, channels, side, side) * 0.02)
        self.look = nn.Conv2d(channels, 2 * inner, 1)
        self.value = nn.Conv2d(channels, inner, 1)
        self.out = nn.Conv2d(inner, channels, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        """NxCxHxW to the same shape."""
        normal = self.norm(x)
        query, key = self._split(self.look(normal + self.place), 2)
        (value,) = self._split(self.value(normal), 1)
        scale = (self.inner // self.heads) ** -0.5
        weight = torch.softmax(query.transpose(2, 3) @ key * scale, dim=3)
        seen = (value @ weight.transpose(2, 3)).reshape(-1, self.inner, *x.shape[2:])
        return x + self.out(seen)

    def _split(self, x: Tensor, parts: int) -> tuple[Tensor, ...]:
        """Nx(parts*inner)xHxW -> per part N x heads x inner/heads x cells."""
        shape = (-1, self.heads, self.inner // self.heads, self.cells)
        return tuple(part.reshape(shape) for part in x.chunk(parts, 1))


class LayoutNetwork(nn.Module):
    """Image and mask to layout and confidence: a U-shaped network on quarters of 64, 32 and 16 px a side."""

    def __init__(self, width: int = 64) -> None:
        """width: channels at half the resolution, a multiple of 4; twice and four times as many below."""
        super().__init__()
        fine, middle, coarse = width, 2 * width, 4 * width
        self.enter = nn.Sequential(Step(28, fine), Residual(fine))
        self.down = nn.Sequential(Step(fine, middle, 2), Residual(middle), Residual(middle))
        self.deep = nn.Sequential(Step(middle, coarse, 2), *_core(coarse))
        self.rise = Step(coarse, middle)
        self.join = nn.Sequential(Step(2 * middle, middle), Residual(middle), Residual(middle, 2))
        self.rise_fine = Step(middle, fine)
        self.join_fine = nn.Sequential(Step(2 * fine, fine), Residual(fine))
        self.colour = nn.Conv2d(fine, 12, 3, padding=1)
        self.doubt = nn.Sequential(Step(middle, fine // 2), nn.Conv2d(fine // 2, 1, 3, padding=1))
        for last in (self.colour, self.doubt[-1]):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    @classmethod
    def holding(cls, state: dict[str, Tensor]) -> LayoutNetwork:
        """A network with these weights, as wide as they are. Raises ValueError when they are another network's."""
        network = cls(len(state.get(f"{ENTRY}.weight", ())) or 4)
        own = network.state_dict()
        needed = [name for name in own if not name.endswith("num_batches_tracked")]
        for name in needed:
            if name not in state or state[name].shape != own[name].shape:
                raise ValueError(f"no layout network of this kind: {name} is missing or has another shape")
        network.load_state_dict(own | {name: state[name] for name in needed})
        return network

    @property
    def width(self) -> int:
        """Channels at half the resolution."""
        return int(self.colour.in_channels)

    def forward(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the layout (Nx3xSxS) and the confidence (Nx1xSxS, 0..1, 1 outside the hole).

        image: Nx3x128x128, RGB in 0..1, anything in the hole. mask: Nx1x128x128, 1 in the hole. Known pixels come
        back as they are; in the hole the layout may leave 0..1. A confidence of c stands for an expected error of
        DOUBTFUL * (1 - c) / c in the mean colour of the 9x9 px around.
        """
        layout, trust = self.raw(image, mask)
        confidence = torch.sigmoid(functional.interpolate(trust, scale_factor=4.0, mode="bilinear"))
        known = 1 - mask
        return image * known + layout * mask, confidence * mask + known

    def raw(self, image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The layout, also where pixels are known, and the logarithm of DOUBTFUL / expected error at a quarter."""
        image = image * (1 - mask)
        smooth = smooth_fill(image, mask)
        seen = torch.cat([image + smooth * mask - 0.5, mask, (smooth - 0.5) * mask], 1)
        fine = self.enter(functional.pixel_unshuffle(seen, 2))
        middle = self.down(fine)
        risen = functional.interpolate(self.rise(self.deep(middle)), scale_factor=2.0, mode="nearest")
        middle = self.join(torch.cat([risen, middle], 1))
        risen = functional.interpolate(self.rise_fine(middle), scale_factor=2.0, mode="nearest")
        fine = self.join_fine(torch.cat([risen, fine], 1))
        return smooth + functional.pixel_shuffle(self.colour(fine), 2), self.doubt(middle)


def _core(channels: int) -> list[nn.Module]:
    """The blocks at the lowest resolution, where each place sees the whole picture."""
    blocks: list[nn.Module] = []
    for number, dilation in enumerate(DILATIONS):
        blocks.append(Residual(channels, dilation))
        if number in ATTENTIVE:
            blocks.append(Attention(channels))
    return blocks
