"""Activations by the names of the project file. Each is element-wise, has no weights, and exports to ONNX (opset 17)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

from torch import nn

from modelwright.spec.routes.route import Activation

_MAKERS: Mapping[Activation, Callable[[], nn.Module]] = {
    # max(0, x). Nair & Hinton 2010
    "relu": nn.ReLU,
    # x above 0, 0.01 x below: no unit dies. Maas et al. 2013
    "leaky-relu": nn.LeakyReLU,
    # x above 0, exp(x) − 1 below: means nearer zero. Clevert et al. 2016, 1511.07289
    "elu": nn.ELU,
    # 1.0507 · (x above 0, 1.6733 (exp(x) − 1) below): deep plain networks keep unit variance. Klambauer et al. 2017, 1706.02515
    "selu": nn.SELU,
    # x Φ(x), Φ the normal distribution function. Hendrycks & Gimpel 2016, 1606.08415
    "gelu": nn.GELU,
    # ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))): GELU as GPT-2 computes it. Ibid.
    "gelu-tanh": lambda: nn.GELU(approximate="tanh"),
    # x sigmoid(x), also called swish. Elfwing et al. 2018, 1702.03118; Ramachandran et al. 2017, 1710.05941
    "silu": nn.SiLU,
    # x tanh(log(1 + exp(x))). Misra 2020, 1908.08681
    "mish": nn.Mish,
    # (exp(x) − exp(−x)) / (exp(x) + exp(−x)). LeCun et al. 1998, "Efficient BackProp"
    "tanh": nn.Tanh,
    # 1 / (1 + exp(−x)). Rumelhart et al. 1986
    "sigmoid": nn.Sigmoid,
    # log(1 + exp(x)): a smooth relu. Dugas et al. 2001
    "softplus": nn.Softplus,
    # x / (1 + |x|): a slower tanh. Bergstra et al. 2009
    "softsign": nn.Softsign,
}

NAMES: tuple[Activation, ...] = get_args(Activation)


def activation(name: Activation) -> nn.Module:
    """A fresh module of the activation called `name`; values of any shape in, the same shape out.

    Raises:
        KeyError: there is none (the project file is checked before it comes to this).
    """
    return _MAKERS[name]()
