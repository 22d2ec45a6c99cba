"""The arguments of `modelwright compute`, apart from the answer: the parser is built for every command and stays light."""

from __future__ import annotations

import argparse


def arguments(verb: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    text = verb.add_argument
    text("--model", metavar="NAME", help="a published model whose shape is known, like llama-3-8b; an unknown one lists them")
    text("--params", metavar="N", help="or a number of parameters, like 7B or 7e9")
    text("--tokens", metavar="N", help="tokens seen in training, like 1T or 1e12")
    text(
        "--device",
        metavar="D",
        default="h100",
        help="accelerator, like h100, a100, 4090; here: this machine, measured now (default: %(default)s)",
    )
    text("--count", type=int, default=1, metavar="N", help="how many of them (default: %(default)s)")
    text("--mfu", type=float, metavar="S", help="share of the peak that the training reaches (default: the dated table's)")
    text("--goodput", type=float, metavar="S", help="share of the hours that end in the final model (default: the dated table's)")
    text("--tokens-per-s", metavar="N", help="training throughput that is claimed or was measured; refused above the roofline")
    text(
        "--decode-tokens-per-s",
        metavar="N",
        help="decoding throughput that is claimed, all sequences together; refused above the roofline",
    )
    text("--within-days", type=float, metavar="D", help="deadline; refused if the devices can't meet it at their peak")
    text("--inference-tokens", metavar="N", help="tokens to be served in the model's life: the size that is cheapest all in all")
    text("--method", choices=("full", "lora"), default="full", help="train all weights, or adapters (default: %(default)s)")
    text("--rank", type=int, default=16, metavar="R", help="rank of adapters (default: %(default)s)")
    text("--batch", type=int, default=1, metavar="N", help="sequences per device and step (default: %(default)s)")
    text("--context", type=int, default=4096, metavar="N", help="tokens of a sequence (default: %(default)s)")
    text(
        "--recompute",
        choices=("none", "selective", "full"),
        default="selective",
        help="activations computed again instead of kept (default: %(default)s)",
    )
    text(
        "--zero",
        type=int,
        choices=(0, 1, 2, 3),
        help="ZeRO stage: what is shared out over the devices (default: the lowest that fits)",
    )
    text("--price", metavar="MONEY", help="price of one device for an hour, like '2.50 USD' (default: the dated table's)")
    text("--power", type=float, metavar="W", help="power of one device in watts (default: the dated table's)")
    text("--pue", type=float, metavar="F", help="power usage effectiveness of the site (default: the dated table's)")
    text("--grid", metavar="CC", help="country of the electricity grid, like CN, US, DE (default: the world's average)")
    text("--currency", choices=("USD", "CNY", "EUR"), default="USD", help="currency of the answer (default: %(default)s)")
    text("--fits", metavar="D", help="instead: what fits on one such device")
    text("--published", action="store_true", help="instead: our forecast beside published trainings")
