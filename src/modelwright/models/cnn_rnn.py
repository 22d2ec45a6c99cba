"""Several frames or slices a case (Donahue et al. 2015, 1411.4389): convolutions see each frame, a recurrent layer reads them in
order, and the mean of its states over the frames that are there is classified.

Frames are read from first to last, so that those filled up at the end of a short case never touch a state that counts.

Shapes: b batch, f frames, c channels, h height, w width, d features, s hidden size.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from modelwright.base.nouns import Sizes
from modelwright.models import pooling
from modelwright.models.cnn import Blocks
from modelwright.models.dropout import Dropout
from modelwright.models.picture import Normalise, he, packed, pooled
from modelwright.spec.routes.cnn_rnn import FramesRoute


class CNNRNN(nn.Module):
    """Frames in, logits out.

    Args:
        settings: of the route.
        sizes: channels, height, width, mean, deviation, classes.
    """

    bfloat16_needs = ("amx_bf16", "avx512_bf16")  # as for other recurrent layers: without these the kernel is slower in bfloat16

    def __init__(self, settings: FramesRoute, sizes: Sizes) -> None:
        super().__init__()
        self.normalise = Normalise(sizes)
        side = min(sizes["height"], sizes["width"])
        self.blocks = Blocks(sizes["channels"], settings.width, settings.blocks, settings.layers, settings.activation, side)
        recurrent = {"gru": nn.GRU, "lstm": nn.LSTM}[settings.cell]
        self.recurrent = recurrent(self.blocks.outputs, settings.hidden, batch_first=True)
        self.dropout = Dropout(settings.dropout)
        self.head = nn.Linear(settings.hidden, sizes["classes"])
        he(self)

    def forward(self, pixels: Tensor, present: Tensor) -> dict[str, Tensor]:
        frames_bfd = self._seen(pixels, present)
        states_bfs, _ = self.recurrent(frames_bfd)
        return {"logits": self.head(self.dropout(pooling.mean(states_bfs, present)))}

    def _seen(self, pixels_bfchw: Tensor, present_bf: Tensor) -> Tensor:
        batch, frames = pixels_bfchw.shape[:2]
        every = pixels_bfchw.flatten(0, 1)
        if not self.training:
            return pooled(self.blocks(packed(self.normalise(every)))).view(batch, frames, -1)
        there = present_bf.flatten()  # black frames would bend the statistics of the batch normalisation
        seen = pooled(self.blocks(packed(self.normalise(every[there]))))
        whole = seen.new_zeros(len(there), seen.shape[1])
        return torch.index_put(whole, (there.nonzero()[:, 0],), seen).view(batch, frames, -1)


def build(settings: FramesRoute, sizes: Sizes, checkpoint: Path | None) -> CNNRNN:
    """From random weights."""
    return CNNRNN(settings, sizes)
