"""PyTorch: lists of 1,000 users under values of a feature, by running the recommender (gptrec.py) again for each value.

Histories as in tests/bench/steered_lists_bench.cc: log-normal, median 74, the last 128 events, 3,416 items. Behind block 0
the states are replaced by their reconstruction by a dictionary of 2,048 features with one feature of the last position set
to the value; the last states go on to the head, seen items are left out, the best ten are kept. A value takes as long as
any other, so three of them are timed. Users are sorted by length and padded to a multiple of 32.
"""

import torch

import rival
import variants
from gptrec import HIDDEN, LENGTH, Gptrec

USERS, ITEMS, FEATURES, BEST, BATCH, VALUES = 1000, 3416, 2048, 10, 256, 3


def main():
    parser = rival.arguments(__doc__)
    variants.add_to(parser)
    options = parser.parse_args()
    variant = variants.start(options.variant)
    model = Gptrec(ITEMS).eval()
    mean, deviation = torch.randn(HIDDEN) * 0.02, torch.full((HIDDEN,), 0.03)
    encoder = torch.nn.functional.normalize(torch.randn(FEATURES, HIDDEN), dim=1)
    encoder_bias = torch.full((FEATURES,), -1.65)  # about 100 features are active
    decoder, bias = torch.nn.functional.normalize(torch.randn(FEATURES, HIDDEN), dim=1), torch.zeros(HIDDEN)

    table, encoder, encoder_bias, decoder = map(variant.product_operand, (model.wte.weight, encoder, encoder_bias, decoder))

    def lists(items, last, seen, feature, value):
        rows = torch.arange(len(last))

        def edit(x):
            codes = torch.nn.functional.linear((x - mean) / deviation - bias, encoder, encoder_bias).relu()
            codes[rows, last, feature] = value.to(codes.dtype)
            return (codes @ decoder + bias) * deviation + mean

        states = model(items, edit)[rows, last]
        scores = torch.nn.functional.linear(states, table)
        scores.view(-1).index_fill_(0, seen, -torch.inf)
        return scores.topk(BEST)

    lists = variant.compile(lists)
    lengths = (torch.randn(USERS) + 4.3).exp().long().add_(1).sort().values
    batches = []
    for own in lengths.split(BATCH):
        last = own.clamp(max=LENGTH) - 1
        padded = (int(last.max()) // 32 + 1) * 32
        rows = torch.arange(len(own)).repeat_interleave(own)
        seen = rows * ITEMS + torch.randint(ITEMS, (int(own.sum()),))
        if variant.compiled:
            torch._dynamo.mark_dynamic(seen, 0)
        batches.append((torch.randint(ITEMS, (len(own), padded)), last, seen))

    @torch.inference_mode()
    def step():
        with variant.autocast():  # once: leaving it drops the weights that it has cast
            for value in range(VALUES):
                for items, last, seen in batches:
                    found = lists(items, last, seen, torch.tensor(100), torch.tensor(float(value)))
        return {"best": int(found.indices[0, 0])}

    rival.measure(step, USERS * VALUES, 1, options.repeats or 1)


if __name__ == "__main__":
    main()
