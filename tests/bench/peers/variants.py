"""The four ways to run a PyTorch program on a CPU that its user would try: eager or compiled, in f32 or with bf16 autocast."""

import contextlib

import torch

from rival import threads

NAMES = ("eager_f32", "eager_bf16", "compile_f32", "compile_bf16")


class Variant:
    def __init__(self, name):
        mode, precision = name.split("_")
        self.compiled, self.bf16 = mode == "compile", precision == "bf16"

    def compile(self, function, **options):
        return torch.compile(function, **options) if self.compiled else function

    def autocast(self):
        return torch.autocast("cpu", torch.bfloat16) if self.bf16 else contextlib.nullcontext()

    def product_operand(self, tensor):
        """What a matrix product reads, when nothing trains: a copy in bf16 once, instead of a cast in every batch."""
        return tensor.detach().to(torch.bfloat16 if self.bf16 else torch.float32)


def add_to(parser):
    parser.add_argument("--variant", choices=NAMES, default=NAMES[0])


def start(name):
    """Threads and seed of a rival; returns its variant."""
    torch.set_num_threads(threads())
    torch.manual_seed(1)
    return Variant(name)
