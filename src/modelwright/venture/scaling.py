"""How large a model, on how many tokens? The scaling law L = E + A/N^α + B/D^β and what follows from it.

Hoffmann et al. 2022 (2203.15556), constants of Besiroglu et al. 2024 (2404.10102) with their standard errors; the choice
that counts inference from Sardana et al. 2024 (2401.00448). The errors are drawn independently, though a fit's errors hang
together: ranges are therefore wide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelwright.base.errors import SpecError
from modelwright.venture.draws import Z80, Input, draw, rate
from modelwright.venture.figures import Figure
from modelwright.venture.tables import table

_LOG_N = np.linspace(np.log(1e6), np.log(1e14), 20_001)


@dataclass(frozen=True)
class Law:
    """Constants of the law; arrays (one value per draw) or numbers."""

    e: np.ndarray | float
    a: np.ndarray | float
    b: np.ndarray | float
    alpha: np.ndarray | float
    beta: np.ndarray | float

    def loss(self, parameters: np.ndarray | float, tokens: np.ndarray | float) -> np.ndarray | float:
        """Nats per token."""
        return self.e + self.a / parameters**self.alpha + self.b / tokens**self.beta

    def optimum(self, flops: float) -> tuple[np.ndarray | float, np.ndarray | float]:
        """Compute-optimal (parameters, tokens): N* = G·(C/6)^(β/(α+β)), D* = (C/6)/N*, G = (αA/βB)^(1/(α+β))."""
        both = self.alpha + self.beta
        parameters = (self.alpha * self.a / (self.beta * self.b)) ** (1 / both) * (flops / 6) ** (self.beta / both)
        return parameters, flops / 6 / parameters


def fitted() -> Law:
    """The law with the published constants."""
    return Law(*(table("scaling")[name].figure().value for name in ("E", "A", "B", "alpha", "beta")))


def drawn(count: int = 4096, seed: int = 0) -> Law:
    """The law with `count` draws of its constants."""
    inputs: dict[str, Input] = {}
    for name, entry in table("scaling").items():
        value, error = entry.figure().value, entry.more["se"]
        if name in ("A", "B"):  # positive and wide: lognormal with the same relative error
            sigma = float(np.sqrt(np.log1p((error / value) ** 2)))
            inputs[name] = Input(name, value, "size", "estimated", sigma, sigma)
        else:
            inputs[name] = rate(name, value, error * Z80, "estimated")
    values = draw(inputs, count, seed)
    return Law(*(values[name] for name in ("E", "A", "B", "alpha", "beta")))


def best_size(flops: float, seed: int = 0) -> tuple[Figure, Figure, Figure]:
    """Compute-optimal parameters, tokens and loss for a training budget, with P10–P90 from the fit's errors.

    Raises:
        SpecError: a budget that is not positive.
    """
    if not flops > 0:
        raise SpecError(
            f"the training budget is {flops:g} operations",
            expected="a positive number",
            where="flops",
            remedy="Give the budget as devices · seconds · operations/s · MFU.",
        )
    middle, spread = fitted(), drawn(seed=seed)
    parameters, tokens = middle.optimum(flops)
    many_parameters, many_tokens = spread.optimum(flops)
    loss, many_losses = middle.loss(parameters, tokens), spread.loss(many_parameters, many_tokens)
    source = table("scaling")["A"].source

    def figure(value: np.ndarray | float, many: np.ndarray | float, unit: str) -> Figure:
        low, high = (float(end) for end in np.quantile(many, [0.1, 0.9]))
        note = "compute-optimal; P10–P90 from the fit's errors, drawn independently"
        return Figure(float(value), unit, "estimated", min(low, float(value)), max(high, float(value)), note, source)

    return (
        figure(parameters, many_parameters, "parameters"),
        figure(tokens, many_tokens, "tokens"),
        figure(loss, many_losses, "nats/token"),
    )


def cheapest_for_loss(loss: float, inference_tokens: float) -> tuple[float, float, float]:
    """Parameters, training tokens and total operations that reach `loss` with the least 6ND + 2N·D_inference.

    Raises:
        SpecError: no finite model reaches that loss.
    """
    law = fitted()
    parameters = np.exp(_LOG_N)
    left = loss - law.e - law.a / parameters**law.alpha
    reachable = np.asarray(left) > 0
    if not reachable.any():
        raise SpecError(
            f"a loss of {loss:g} nats per token",
            expected=f"more than the law's floor of {law.e:g}",
            where="loss",
            remedy="Ask for a loss above the floor; what smaller models reach says how far above.",
        )
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        tokens = np.where(reachable, (law.b / np.where(reachable, left, 1.0)) ** (1 / law.beta), np.inf)
        total = 6 * parameters * tokens + 2 * parameters * inference_tokens
    place = int(np.argmin(total))
    return float(parameters[place]), float(tokens[place]), float(total[place])
