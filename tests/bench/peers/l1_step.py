"""PyTorch: one training step of an L1 dictionary (batch 4096), as an expert would write it.

Reconstruction mean ||x - y||_2 plus 0.1 * mean sum f; projected gradient and unit rows of the decoder; fused Adam. The
encoder bias is set so that about --active features are active per row; PyTorch's own time hardly depends on it.
--grid measures all shapes of GRID, one after the other.
"""

import math
import statistics

import torch

import rival
import variants

ROWS, L1 = 4096, 0.1
GRID = [(inputs, features) for inputs in (64, 256, 512) for features in (64, 512, 2048, 8192)]


def bias_for(active, features):
    # Pre-activations are N(0, 1/3).
    return -statistics.NormalDist(0, math.sqrt(1 / 3)).inv_cdf(1 - active / features)


def make_step(variant, inputs, features, active):
    x = torch.randn(ROWS, inputs)
    encoder = torch.empty(features, inputs).uniform_(-(inputs**-0.5), inputs**-0.5).requires_grad_()
    encoder_bias = torch.full((features,), bias_for(active, features)).requires_grad_()
    decoder = torch.nn.functional.normalize(torch.randn(features, inputs), dim=1).requires_grad_()
    bias = torch.zeros(inputs, requires_grad=True)
    # A small rate keeps L0 where it is while the clock runs.
    adam = torch.optim.Adam([encoder, encoder_bias, decoder, bias], lr=1e-6, fused=True)

    def loss_of(x):
        with variant.autocast():
            codes = torch.nn.functional.linear(x - bias, encoder, encoder_bias).relu()
            y = torch.addmm(bias, codes, decoder)
        loss = torch.linalg.vector_norm(x - y.float(), dim=1).mean() + L1 * codes.float().sum() / ROWS
        return loss, codes

    def project(gradient, decoder):
        gradient.sub_((gradient * decoder).sum(1, keepdim=True) * decoder)

    def to_unit_rows(decoder):
        decoder.div_(torch.linalg.vector_norm(decoder, dim=1, keepdim=True))

    loss_of, project, to_unit_rows = (variant.compile(part) for part in (loss_of, project, to_unit_rows))

    def step():
        adam.zero_grad(set_to_none=True)
        loss, codes = loss_of(x)
        loss.backward()
        with torch.no_grad():
            project(decoder.grad, decoder)
            adam.step()
            to_unit_rows(decoder)
        return codes

    return step


def main():
    parser = rival.arguments(__doc__)
    variants.add_to(parser)
    parser.add_argument("--active", type=int, default=110)
    parser.add_argument("--grid", action="store_true")
    options = parser.parse_args()
    variant = variants.start(options.variant)
    shapes = GRID if options.grid else [(64, 2048)]
    rates, note = {}, {}
    for inputs, features in shapes:
        torch.compiler.reset()  # each shape is compiled for itself, not once more for shapes that vary
        active = max(8, features // 20) if options.grid else options.active
        cell = f"{inputs}/{features}" if options.grid else ""
        warmup, repeats = (2, 5) if options.grid else (5, 15)
        seconds, codes = rival.timed(make_step(variant, inputs, features, active), warmup, options.repeats or repeats)
        rates[cell] = ROWS / seconds
        note[f"l0 {cell}".strip()] = float((codes > 0).sum()) / ROWS
    rival.report(rates, note)


if __name__ == "__main__":
    main()
