"""PyTorch: one training step of a GPT-2 recommender (gptrec.py), 64 sequences of 128 tokens, as an expert would write it.

Full cross-entropy at every position, dropout 0.1, fused Adam. --short: sequences with the lengths of MovieLens-20M, cut to
128 and padded to the longest of their batch (that of 64 is always 128); the head and the loss see real positions only, and
only those count as tokens.
"""

import torch
import torch.nn.functional as F

import rival
import variants
from gptrec import HIDDEN, LENGTH, Gptrec, movielens_lengths

ROWS, BATCHES = 64, 8


def main():
    parser = rival.arguments(__doc__)
    variants.add_to(parser)
    parser.add_argument("--items", type=int, default=18345)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    variant = variants.start(options.variant)
    model = Gptrec(options.items)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    items = torch.randint(options.items, (ROWS, LENGTH + 1))

    def loss_of(hidden, targets):
        with variant.autocast():
            return F.cross_entropy(F.linear(hidden, model.wte.weight), targets)

    def whole_loss(items):
        with variant.autocast():
            hidden = model(items[:, :-1])
        return loss_of(hidden.reshape(-1, HIDDEN), items[:, 1:].reshape(-1))

    def update(loss):
        loss.backward()
        adam.step()
        adam.zero_grad(set_to_none=True)
        return {"loss": float(loss.detach())}

    if not options.short:
        whole_loss = variant.compile(whole_loss)
        rival.measure(lambda: update(whole_loss(items)), ROWS * LENGTH, 2, options.repeats or 5)
        return

    def states(items):
        with variant.autocast():
            return model(items)

    states = variant.compile(states)
    loss_of = variant.compile(loss_of, dynamic=True)  # the number of real positions changes from batch to batch
    lengths = movielens_lengths(ROWS * BATCHES).clamp(max=LENGTH).view(BATCHES, ROWS)
    real = [(torch.arange(LENGTH) < batch[:, None]).view(-1).nonzero().view(-1) for batch in lengths]

    def epoch():
        for positions in real:
            hidden = states(items[:, :-1]).view(-1, HIDDEN).index_select(0, positions)
            note = update(loss_of(hidden, items[:, 1:].reshape(-1).index_select(0, positions)))
        return note

    rival.measure(epoch, sum(len(positions) for positions in real), 1, options.repeats or 1)


if __name__ == "__main__":
    main()
