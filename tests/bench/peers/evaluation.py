"""PyTorch: the ten best of 18,345 items for 8,192 users, items of their histories (MovieLens-20M's lengths) left out.

Users in batches, scores by one product (in bf16 with a copy of the table that is made beforehand), seen items set to -infinity through flat indices made beforehand, topk. The final
states of the users are at hand; --whole computes them from the histories' last 128 events (gptrec.py; users sorted by
length, padded to a multiple of 32, only the last state goes on to the head).
"""

import torch

import rival
import variants
from gptrec import HIDDEN, LENGTH, Gptrec, movielens_lengths

USERS, ITEMS, BEST, BATCH = 8192, 18345, 10, 256


def main():
    parser = rival.arguments(__doc__)
    variants.add_to(parser)
    parser.add_argument("--whole", action="store_true")
    options = parser.parse_args()
    variant = variants.start(options.variant)
    model = Gptrec(ITEMS).eval()
    lengths = movielens_lengths(USERS).sort().values if options.whole else movielens_lengths(USERS)

    table = variant.product_operand(model.wte.weight)

    def top_lists(states, seen):
        scores = torch.nn.functional.linear(states, table)
        scores.view(-1).index_fill_(0, seen, -torch.inf)
        return scores.topk(BEST)

    def last_states(items, last):
        return model(items)[torch.arange(len(last)), last]

    top_lists = variant.compile(top_lists, dynamic=True) if variant.compiled else top_lists
    last_states = variant.compile(last_states)
    batches = []
    for own in lengths.split(BATCH):
        rows = torch.arange(len(own)).repeat_interleave(own)
        seen = rows * ITEMS + torch.randint(ITEMS, (int(own.sum()),))
        last = own.clamp(max=LENGTH) - 1
        padded = (int(last.max()) // 32 + 1) * 32
        batches.append((torch.randn(len(own), HIDDEN), seen, torch.randint(ITEMS, (len(own), padded)), last))

    @torch.inference_mode()
    def step():
        with variant.autocast():  # once: leaving it drops the weights that it has cast
            for states, seen, items, last in batches:
                if options.whole:
                    states = last_states(items, last)
                lists = top_lists(states, seen)
        return {"best": int(lists.indices[0, 0])}

    rival.measure(step, USERS, 1, options.repeats or 3)


if __name__ == "__main__":
    main()
