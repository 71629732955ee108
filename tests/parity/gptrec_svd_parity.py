"""heddle.gptrec_svd in float64: codes by numpy's SVD, loss and gradients, lists by scoring every item, compared with what
gptrec_svd_parity_test.cc wrote.

Exit code 1 when a code differs, or a loss, gradient or score by more than 1e-4 of the largest entry of its tensor.
"""

import sys

import numpy
import torch
import torch.nn.functional as F

from backbone_parity import TOLERANCE, Model, read_safetensors


def codes_by_svd(spec, tensors, items):
    """Tokens [items, t], without noise: quantiles of the right singular vectors scaled to [0, 1]; ties by item."""
    offsets, events = tensors["log.offsets"].tolist(), tensors["log.items"].long()
    matrix = numpy.zeros((len(offsets) - 1, items))
    for user, (begin, end) in enumerate(zip(offsets, offsets[1:])):
        matrix[user, events[begin:end].numpy()] = 1
    vectors = numpy.linalg.svd(matrix, full_matrices=False)[2]
    tokens = numpy.zeros((items, spec["tokens_per_item"]), dtype=numpy.int64)
    for k in range(spec["tokens_per_item"]):
        v = vectors[k] * numpy.sign(vectors[k][numpy.abs(vectors[k]).argmax()])
        v = numpy.round((v - v.min()) / (v.max() - v.min()), 9)
        ranks = numpy.empty(items, dtype=numpy.int64)
        ranks[v.argsort(kind="stable")] = numpy.arange(items)
        tokens[:, k] = k * spec["values_per_token"] + ranks * spec["values_per_token"] // items
    return tokens


class SvdModel(Model):
    def states(self, tokens, shift=0):
        """Normalised states [n, d] of a token sequence whose first token has position `shift` items."""
        start = shift * self.spec["tokens_per_item"]
        x = self.w["wte.weight"][tokens] + self.w["wpe.weight"][start : start + len(tokens)]
        for i in range(self.spec["layers"]):
            x = self.run_block(f"h.{i}.", x)
        return self.norm("ln_f", x)

    def item_scores(self, history, codes):
        """log p(codes of an item | history) of all items, the distributions over the values of each place."""
        v, out = self.spec["values_per_token"], []
        for code in codes:
            states = self.states(torch.cat([codes[history].flatten(), code[:-1]]))[-len(code) :]
            logits = states @ self.w["wte.weight"].T
            out.append(sum(F.log_softmax(logits[k, k * v : (k + 1) * v], 0)[code[k] - k * v] for k in range(len(code))))
        return torch.stack(out)


def main():
    spec, tensors = read_safetensors(sys.argv[1])
    codes = tensors["weight:tokens"].long()
    expected = codes_by_svd(spec, tensors, len(codes))
    wrong = int((codes.numpy() != expected).sum())
    print(f"{expected.size} codes, {wrong} differ")

    weights = {name[7:]: tensor.double() for name, tensor in tensors.items() if name.startswith("weight:")}
    for name, weight in weights.items():
        weight.requires_grad_("gradient:" + name in tensors)
    model = SvdModel(spec, weights)
    offsets, items = tensors["offsets"].tolist(), tensors["items"].long()
    # Training batches begin at item position 0 or 1, by chance: position 0 has a gradient or not.
    shift = int(not tensors["gradient:wpe.weight"][: spec["tokens_per_item"]].any())
    logits, targets = [], []
    for begin, end in zip(offsets, offsets[1:]):
        tokens = codes[items[begin:end]].flatten()
        logits.append(model.states(tokens, shift)[:-1] @ weights["wte.weight"].T)
        targets.append(tokens[1:])
    loss = F.cross_entropy(torch.cat(logits), torch.cat(targets))
    loss.backward()

    pairs = {"loss": (tensors["loss"], loss.reshape(1))}
    for name, weight in weights.items():
        if weight.requires_grad:
            pairs["gradient:" + name] = (tensors["gradient:" + name], weight.grad)
    with torch.no_grad():
        for s, (begin, end) in enumerate(zip(offsets, offsets[1:])):
            scores = model.item_scores(items[begin:end], codes)
            listed = tensors["lists"][s].long()
            pairs[f"scores of list {s}"] = (tensors["scores"][s], scores[listed])
            pairs[f"order of list {s}"] = (scores[listed], scores.topk(len(listed)).values)
    worst = 0.0
    for name, (ours, theirs) in pairs.items():
        error = float((ours.double() - theirs.detach()).abs().max() / theirs.detach().abs().max())
        worst = max(worst, error)
        if not error <= TOLERANCE:
            print(f"{name}: differs by {error:.2e} of its largest entry")
    print(f"{len(pairs)} tensors compared, shift {shift}, largest relative difference {worst:.1e}")
    sys.exit(0 if worst <= TOLERANCE and wrong == 0 else 1)


if __name__ == "__main__":
    main()
