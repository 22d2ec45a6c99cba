"""Random starting weights by the names of the project file.

i and o are a weight's fan-in and fan-out: for a linear layer its inputs and outputs, for a convolution channels times the kernel's
size, for each gate of a recurrent layer its own, for an embedding table its width for both (one row is looked up: how many there
are says nothing about the size of what comes out).

    random-uniform   U(−s, s)
    gaussian         N(0, s²)
    xavier-uniform   U(−a, a), a = √(6 / (i + o))          (Glorot & Bengio 2010: variances alike forwards and backwards)
    xavier-normal    N(0, 2 / (i + o))                      (ibid.)
    he-uniform       U(−a, a), a = √(6 / i)                 (He et al. 2015, 1502.01852: for relu, which halves the variance)
    he-normal        N(0, 2 / i)                            (ibid.)
    lecun-normal     N(0, 1 / i)                            (LeCun et al. 1998; what SELU needs, Klambauer et al. 2017)
    orthogonal       Q of a Gaussian matrix's QR            (Saxe et al. 2014, 1312.6120)

Biases become zero, except those of recurrent layers, whose gates an architecture may open on purpose. Norms stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from modelwright.spec.routes.route import Initialiser

Rule = Callable[[Tensor, int, int, float], object]
"""Fills a weight in place, given fan-in, fan-out and scale."""

_GATES: Mapping[type[nn.Module], int] = {nn.LSTM: 4, nn.GRU: 3, nn.RNN: 1}
_LAYERS = (nn.Linear, nn.Bilinear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def _uniform(weight: Tensor, limit: float) -> Tensor:
    return weight.uniform_(-limit, limit)


_RULES: Mapping[Initialiser, Rule] = {
    "random-uniform": lambda weight, i, o, scale: _uniform(weight, scale),
    "gaussian": lambda weight, i, o, scale: weight.normal_(0.0, scale),
    "xavier-uniform": lambda weight, i, o, scale: _uniform(weight, math.sqrt(6 / (i + o))),
    "xavier-normal": lambda weight, i, o, scale: weight.normal_(0.0, math.sqrt(2 / (i + o))),
    "he-uniform": lambda weight, i, o, scale: _uniform(weight, math.sqrt(6 / i)),
    "he-normal": lambda weight, i, o, scale: weight.normal_(0.0, math.sqrt(2 / i)),
    "lecun-normal": lambda weight, i, o, scale: weight.normal_(0.0, math.sqrt(1 / i)),
    "orthogonal": lambda weight, i, o, scale: nn.init.orthogonal_(weight),
}


@torch.no_grad()
def open_gates(lstm: nn.LSTM) -> None:
    """Forget gates start open, so that long texts keep a gradient from the first step on (Jozefowicz et al. 2015); recurrent weights
    orthogonal, the others by Glorot & Bengio 2010. In place, from torch's generator."""
    width = lstm.hidden_size
    for name, parameter in lstm.named_parameters():
        if name.startswith("weight_hh"):
            for gate in parameter.split(width):
                nn.init.orthogonal_(gate)
        elif name.startswith("weight_ih"):
            nn.init.xavier_uniform_(parameter)
        else:
            nn.init.zeros_(parameter)
            if name.startswith("bias_ih"):
                parameter[width : 2 * width] = 1.0


@torch.no_grad()
def initialise(module: nn.Module, name: Initialiser, scale: float) -> None:
    """Give every layer in `module` new weights by the rule, in place, from torch's generator; "default" leaves all as it is.

    Args:
        scale: s of random-uniform and gaussian.
    """
    if name == "default":
        return
    rule = _RULES[name]
    for child in module.modules():
        for weight, fan_in, fan_out in _weights(child):
            rule(weight, fan_in, fan_out, scale)
        if isinstance(child, (*_LAYERS, *_TRANSPOSED)) and child.bias is not None:
            child.bias.zero_()
        if isinstance(child, nn.MultiheadAttention) and child.in_proj_bias is not None:
            child.in_proj_bias.zero_()
        if isinstance(child, nn.Embedding) and child.padding_idx is not None:
            child.weight[child.padding_idx].zero_()


def _weights(layer: nn.Module) -> Iterator[tuple[Tensor, int, int]]:
    """A layer's own weights with fan-in and fan-out. Weights that are stacked (gates; query, key, value) come one by one."""
    if isinstance(layer, _LAYERS):
        size = layer.weight[0, 0].numel()
        groups = getattr(layer, "groups", 1)
        yield layer.weight, layer.weight.shape[1] * size, layer.weight.shape[0] // groups * size
    elif isinstance(layer, _TRANSPOSED):  # their weights are stored the other way round
        size = layer.weight[0, 0].numel()
        yield layer.weight, layer.weight.shape[0] // layer.groups * size, layer.weight.shape[1] * size
    elif isinstance(layer, nn.Embedding):
        yield layer.weight, layer.embedding_dim, layer.embedding_dim
    elif isinstance(layer, nn.RNNBase):
        for name, stacked in layer.named_parameters(recurse=False):
            if name.startswith("weight"):
                for gate in stacked.chunk(_GATES[type(layer)]):
                    yield gate, gate.shape[1], gate.shape[0]
    elif isinstance(layer, nn.MultiheadAttention):
        whole = layer.in_proj_weight
        apart = [layer.q_proj_weight, layer.k_proj_weight, layer.v_proj_weight]
        for one in apart if whole is None else whole.chunk(3):
            yield one, one.shape[1], one.shape[0]
