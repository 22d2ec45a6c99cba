"""`cnn-rnn`: several frames or slices a case: a convolutional network sees each, a recurrent one reads them in order."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from modelwright.spec.images import ImageRoute
from modelwright.spec.routes.route import BatchSize


class FramesRoute(ImageRoute):
    """Recurrent convolutional network (Donahue et al. 2015, 1411.4389), for studies of several slices, clips, views of a case."""

    name: ClassVar[str] = "cnn-rnn"
    reads: ClassVar[str] = "frames"
    architecture: ClassVar[str] = "cnn_rnn"

    frames: int = Field(16, ge=1, le=256, description="frames read of a case at most; of more, these spread evenly")
    width: int = Field(16, ge=4, le=1024, description="channels of the first block; each later block has twice as many")
    blocks: int = Field(3, ge=1, le=8, description="blocks; between them height and width are halved")
    layers: int = Field(1, ge=1, le=8, description="convolutions in a block")
    cell: Literal["gru", "lstm"] = Field("gru", description="recurrent cell")
    hidden: int = Field(64, ge=4, le=4096, description="its hidden size")
    dropout: float = Field(0.1, ge=0, lt=1, description="before the output layer")
    epochs: int = Field(15, ge=1, description="passes over the training split at most")
    batch_size: BatchSize = Field(32, description="rows per optimiser step")
    learning_rate: float = Field(3e-3, gt=0, description="peak learning rate")


ROUTE = FramesRoute
