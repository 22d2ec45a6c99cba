"""On a GPU: the decoder says what it says on a processor, learns in bfloat16, and wastes little of the machine."""

from __future__ import annotations

import pytest
import torch

from modelwright.models.decoder import Decoder, Shape
from modelwright.spec.routes.decoder import Decoder as DecoderRoute
from modelwright.train import compilation
from modelwright.train.optimisers import Optimiser

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")]

SMALL = Shape(vocabulary=320, width=64, layers=2, heads=4, key_heads=2, head_width=16, feed_forward=128, context=64)


def made(shape: Shape) -> Decoder:
    torch.manual_seed(3)
    module = Decoder(shape)
    module.initialise()
    return module


def rows() -> tuple[torch.Tensor, torch.Tensor]:
    tokens = torch.randint(3, 320, (3, 40), generator=torch.Generator().manual_seed(5))
    return tokens, torch.tensor([[1] * 17 + [2] * 23, [1] * 40, [1] * 25 + [0] * 15])


@pytest.mark.parametrize("compiled", [False, True])
def test_it_says_what_it_says_on_a_processor(compiled):
    tokens, mask = rows()
    module = made(SMALL).eval()
    expected = module(tokens, mask)["surprise"].detach()
    module.cuda()
    if compiled:
        compilation.compile_parts(module)
    found = module(tokens.cuda(), mask.cuda())["surprise"].detach().cpu()
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_gradients_are_those_of_a_processor():
    tokens, mask = rows()
    labels = torch.where(mask == 0, -100, tokens)
    slopes = []
    for place in ("cpu", "cuda"):
        module = made(SMALL).to(place).train()
        module(tokens.to(place), mask.to(place), labels.to(place))["values"].mean().backward()
        slopes.append({name: parameter.grad.cpu() for name, parameter in module.named_parameters()})
    for name, slope in slopes[0].items():
        torch.testing.assert_close(slopes[1][name], slope, atol=1e-5, rtol=1e-3)


def test_bfloat16_with_masters_learns():
    tokens, mask = (part.cuda() for part in rows())
    module = made(SMALL).cuda().to(torch.bfloat16).train()
    optimiser = Optimiser(module, DecoderRoute(learning_rate=3e-3, batch_size=3, epochs=1))
    labels = torch.where(mask == 0, -100, tokens)
    losses = []
    for _ in range(40):
        loss = module(tokens, mask, labels)["values"].mean()
        loss.backward()
        optimiser.step(1.0)
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]
