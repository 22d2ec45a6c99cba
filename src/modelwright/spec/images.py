"""What routes that look at images have in common: augmentation, and the shape of their settings."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from modelwright.spec.routes.route import Activation, BatchSize, GradientRoute, Schedule
from modelwright.spec.section import Section


class ImageAugment(Section):
    """What is done to training images, anew in every epoch; never to those that are measured. Formulas: train/augment.py."""

    flip: bool = Field(False, description="mirror half of the images left to right (not for letters, digits, traffic signs)")
    crop: float = Field(
        0.07, ge=0, lt=0.5, description="largest shift along each axis, as a share of the side; what comes in is zero"
    )
    rotate: float = Field(0.0, ge=0, le=180, description="largest turn, in degrees, either way")
    brightness: float = Field(0.0, ge=0, le=1, description="largest change of brightness, as a share")
    contrast: float = Field(0.0, ge=0, le=1, description="largest change of contrast, as a share")
    saturation: float = Field(0.0, ge=0, le=1, description="largest change of colourfulness, as a share; colour images only")
    noise: float = Field(0.0, ge=0, le=1, description="standard deviation of Gaussian noise, as a share of white")
    erase: float = Field(0.0, ge=0, le=1, description="share of the images in which a rectangle is filled with noise")
    mixup: float = Field(0.0, ge=0, le=10, description="alpha of mixup: images and their labels are averaged in pairs; 0: off")
    cutmix: float = Field(
        0.0, ge=0, le=10, description="alpha of cutmix: a rectangle comes from another image, labels by area; 0: off"
    )


class ImageRoute(GradientRoute):
    """Settings of every route over pixels."""

    reads: ClassVar[str] = "pixels"

    augment: ImageAugment = ImageAugment()
    activation: Activation = Field("relu", description="non-linearity between layers")
    batch_size: BatchSize = Field(128, description="rows per optimiser step")
    warmup: float = Field(0.2, ge=0, lt=1, description="share of the steps in which the rate rises")
    schedule: Schedule = Field("one-cycle", description="how the rate moves")
