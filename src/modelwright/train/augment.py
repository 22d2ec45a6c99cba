"""Augmentation of images: whole batches at once, as tensors, in the training step.

Random numbers come from torch's generator, whose state a checkpoint holds: a continued training draws what it would have drawn.
They are drawn on the processor, so that a seed means the same everywhere. Pixels are uint8, or floats from 0 to 255; zero is black.
All frames of a case are treated alike.

Order: flip → crop → rotate → brightness → contrast → saturation → noise → erase → mixup → cutmix.

Shapes: b batch, n frames times channels, c channels, h height, w width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from modelwright.spec.images import ImageAugment
from modelwright.spec.routes.route import Route

PIXELS = "pixels"
_ERASED = (0.02, 0.33)  # share of the image that a rectangle takes, at least and at most (Zhong et al. 2020)
_GREY = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601)


class Augment:
    """Changes a batch for one training step.

    Args:
        settings: of the route.
        classes: targets that are class numbers become shares of this many classes where images are mixed.
    """

    def __init__(self, settings: ImageAugment, classes: int) -> None:
        self.settings, self.classes = settings, classes

    def __call__(self, inputs: Mapping[str, Tensor], targets: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Inputs and targets of the step: same shapes, save that class numbers [b] become shares [b, classes] where images are
        mixed."""
        pixels, chosen = inputs[PIXELS], self.settings
        shape = pixels.shape
        images_bnhw = _geometry(pixels.flatten(1, -3), chosen)
        images = _colours(images_bnhw.view(shape), chosen)
        if chosen.erase:
            images = erase(images, chosen.erase)
        if chosen.mixup or chosen.cutmix:
            images, targets = self._mix(images, targets)
        return {**inputs, PIXELS: images}, targets

    def _mix(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Mixup or cutmix; if both are set, either by the toss of a coin."""
        shares = functional.one_hot(targets, self.classes).float() if not targets.is_floating_point() else targets
        both = bool(self.settings.mixup and self.settings.cutmix)
        cuts = torch.rand(()).item() < 0.5 if both else bool(self.settings.cutmix)
        return cutmix(images, shares, self.settings.cutmix) if cuts else mixup(images, shares, self.settings.mixup)


def choose(route: Route, classes: int | None) -> Augment | None:
    """What the route asks for; None if that is nothing."""
    settings = getattr(route, "augment", None)
    if not isinstance(settings, ImageAugment) or settings == NOTHING or classes is None:
        return None
    return Augment(settings, classes)


NOTHING = ImageAugment(crop=0.0)


def _geometry(images_bnhw: Tensor, chosen: ImageAugment) -> Tensor:
    if chosen.flip:
        images_bnhw = flip(images_bnhw)
    if chosen.crop:
        images_bnhw = crop(images_bnhw, chosen.crop)
    return rotate(images_bnhw, chosen.rotate) if chosen.rotate else images_bnhw


def _colours(images: Tensor, chosen: ImageAugment) -> Tensor:
    if not (chosen.brightness or chosen.contrast or chosen.saturation or chosen.noise):
        return images
    images = images.float()
    if chosen.brightness:
        images = images * _factors(images, chosen.brightness)
    if chosen.contrast:
        mean = images.mean(tuple(range(1, images.ndim)), keepdim=True)
        images = mean + (images - mean) * _factors(images, chosen.contrast)
    if chosen.saturation and images.shape[-3] == 3:
        images = saturate(images, _factors(images, chosen.saturation))
    if chosen.noise:
        images = images + torch.randn(images.shape).to(images.device) * (255 * chosen.noise)
    return images.clamp(0, 255)


def _factors(images: Tensor, most: float) -> Tensor:
    """1 ± most for each image, evenly."""
    drawn = 1 + (torch.rand(len(images)) * 2 - 1) * most
    return drawn.to(images.device).view(-1, *[1] * (images.ndim - 1))


def saturate(images: Tensor, factors: Tensor) -> Tensor:
    """g + f · (x − g), g the grey of each pixel: factor 0 is a grey picture, 1 the same."""
    weights = torch.tensor(_GREY, device=images.device).view(3, 1, 1)
    grey = (images * weights).sum(-3, keepdim=True)
    return grey + (images - grey) * factors


def flip(images_bnhw: Tensor) -> Tensor:
    """Half of the images mirrored left to right."""
    chosen = (torch.rand(len(images_bnhw)) < 0.5).to(images_bnhw.device)
    return torch.where(chosen[:, None, None, None], images_bnhw.flip(-1), images_bnhw)


def crop(images_bnhw: Tensor, share: float) -> Tensor:
    """Each image shifted by whole pixels, up to `share` of its side along each axis; black comes in (He et al. 2016 for CIFAR)."""
    height, width = images_bnhw.shape[-2:]
    down, across = max(1, round(height * share)), max(1, round(width * share))
    padded = functional.pad(images_bnhw, (across, across, down, down))
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # a view: every window that fits
    count = len(images_bnhw)
    tops, lefts = torch.randint(2 * down + 1, (count,)), torch.randint(2 * across + 1, (count,))
    place = images_bnhw.device
    return windows[torch.arange(count, device=place), :, tops.to(place), lefts.to(place)].contiguous()


def rotate(images_bnhw: Tensor, degrees: float) -> Tensor:
    """Each image turned about its middle by up to ± `degrees`, bilinear; black comes in."""
    count, (height, width) = len(images_bnhw), images_bnhw.shape[-2:]
    angles = (torch.rand(count) * 2 - 1) * math.radians(degrees)
    cosine, sine = angles.cos(), angles.sin()
    ratio = height / width  # the grid is from −1 to 1 along both sides, whatever their lengths
    rows = torch.stack([cosine, -sine * ratio, torch.zeros(count), sine / ratio, cosine, torch.zeros(count)], 1)
    matrix = rows.view(count, 2, 3).to(images_bnhw.device)
    grid = functional.affine_grid(matrix, list(images_bnhw.shape), align_corners=False)
    return functional.grid_sample(images_bnhw.float(), grid, padding_mode="zeros", align_corners=False)


def erase(images: Tensor, share: float) -> Tensor:
    """In about `share` of the images a rectangle is filled with even noise (Zhong et al. 2020, 1708.04896)."""
    chosen = torch.rand(len(images)) < share
    noise = torch.randint(0, 256, images.shape, dtype=torch.uint8).to(images.device, images.dtype)
    inside = torch.zeros(len(images), *images.shape[-2:], dtype=torch.bool)
    for row in chosen.nonzero()[:, 0].tolist():
        top, bottom, left, right = _rectangle(images.shape, _ERASED[0] + float(torch.rand(())) * (_ERASED[1] - _ERASED[0]))
        inside[row, top:bottom, left:right] = True
    mask = inside.view(len(images), *[1] * (images.ndim - 3), *images.shape[-2:]).to(images.device)
    return torch.where(mask, noise, images)


def mixup(images: Tensor, shares_bk: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """λ x + (1 − λ) x', and the labels alike; λ ~ Beta(α, α) for the batch, x' the batch shuffled (Zhang et al. 2018, 1710.09412)."""
    weight, order = _weight(alpha), torch.randperm(len(images)).to(images.device)
    images = images.float()
    mixed = images.lerp(images[order], 1 - weight)
    return mixed, shares_bk.lerp(shares_bk[order], 1 - weight)


def cutmix(images: Tensor, shares_bk: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """A rectangle of a share 1 − λ comes from the shuffled batch; labels by the area that it really takes (Yun et al. 2019,
    1905.04899)."""
    weight, order = _weight(alpha), torch.randperm(len(images)).to(images.device)
    top, bottom, left, right = _rectangle(images.shape, 1 - weight)
    mixed = images.clone()
    mixed[..., top:bottom, left:right] = images[order][..., top:bottom, left:right]
    taken = (bottom - top) * (right - left) / (images.shape[-1] * images.shape[-2])
    return mixed, shares_bk.lerp(shares_bk[order], taken)


def _weight(alpha: float) -> float:
    """One draw of Beta(α, α), by two of Gamma(α)."""
    one, other = torch._standard_gamma(torch.full((2,), alpha, dtype=torch.float64)).tolist()
    return one / (one + other) if one + other > 0 else 0.5


def _rectangle(shape: torch.Size, share: float) -> tuple[int, int, int, int]:
    """Top, bottom, left, right of a rectangle with the image's proportions and about this share of it, anywhere, cut at the edge."""
    height, width = shape[-2:]
    side = math.sqrt(share)
    middle_y, middle_x = int(torch.randint(height, ())), int(torch.randint(width, ()))
    half_y, half_x = round(height * side / 2), round(width * side / 2)
    return (
        max(0, middle_y - half_y),
        min(height, middle_y + half_y),
        max(0, middle_x - half_x),
        min(width, middle_x + half_x),
    )
