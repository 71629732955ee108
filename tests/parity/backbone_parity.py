"""Independent forward and backward passes in float64, compared with what a backbone wrote (backbone_parity_test.cc).

Exit code 1 when scores, loss or a gradient differ by more than 1e-4 of the largest entry of the tensor.
"""

import json
import sys

import numpy
import torch
import torch.nn.functional as F

TOLERANCE = 1e-4
TYPES = {"F32": numpy.float32, "F64": numpy.float64, "I32": numpy.int32, "I64": numpy.int64}
CLOZE = "heddle.bert4rec"


def read_safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    spec = json.loads(header.pop("__metadata__")["spec"])
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        array = numpy.frombuffer(data[start + begin : start + end], TYPES[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.tensor(array)
    return spec, tensors


class Model:
    """Linear weights are stored [in, out], as GPT-2's Conv1D."""

    def __init__(self, spec, weights):
        self.spec, self.w = spec, weights
        self.name = spec["plugin"]
        self.block = {"heddle.gptrec": "pre_ln"}.get(self.name) or spec["block"]
        relu = spec.get("activation") == "relu"
        self.activation = F.relu if relu else lambda y: F.gelu(y, approximate="tanh")

    def linear(self, name, y, columns=slice(None)):
        return y @ self.w[name + ".weight"][:, columns] + self.w[name + ".bias"][columns]

    def norm(self, name, y):
        return F.layer_norm(y, y.shape[-1:], self.w[name + ".weight"], self.w[name + ".bias"], eps=self.spec["layer_norm_epsilon"])

    def attention(self, name, queries_from, keys_from):
        length, d = queries_from.shape
        heads = self.spec["heads"]
        q, k, v = (
            self.linear(name + "attn.c_attn", source, slice(i * d, (i + 1) * d)).view(length, heads, -1).transpose(0, 1)
            for i, source in enumerate((queries_from, keys_from, keys_from))
        )
        scores = q @ k.transpose(1, 2) / (d // heads) ** 0.5
        if self.name != CLOZE:
            scores = scores.masked_fill(torch.ones(length, length, dtype=torch.bool).triu(1), float("-inf"))
        out = (scores.softmax(-1) @ v).transpose(0, 1).reshape(length, d)
        return self.linear(name + "attn.c_proj", out) if name + "attn.c_proj.weight" in self.w else out

    def feed_forward(self, name, y):
        return self.linear(name + "mlp.c_proj", self.activation(self.linear(name + "mlp.c_fc", y)))

    def run_block(self, name, x):
        first, second = (lambda y: self.norm(name + "ln_1", y)), (lambda y: self.norm(name + "ln_2", y))
        if self.block == "pre_ln":
            normed = first(x)
            x = x + self.attention(name, normed, normed)
            return x + self.feed_forward(name, second(x))
        if self.block == "post_ln":
            x = first(x + self.attention(name, x, x))
            return second(x + self.feed_forward(name, x))
        queries = first(x)
        y = second(queries + self.attention(name, queries, x))
        return y + self.feed_forward(name, y)

    def hidden(self, items):
        """States [T, d] that scores are made of, of one sequence."""
        w, spec = self.w, self.spec
        gpt = self.name == "heddle.gptrec"
        table, positions = ("wte.weight", "wpe.weight") if gpt else ("item_emb.weight", "pos_emb.weight")
        from_end = spec.get("position_origin") == "end"
        places = w[positions][-len(items) :] if from_end else w[positions][: len(items)]
        scale = spec["hidden"] ** 0.5 if spec.get("embedding_scale") else 1.0
        x = scale * w[table][items] + places
        if self.name == CLOZE:
            x = self.norm("embedding_norm", x)
        for i in range(spec["layers"]):
            x = self.run_block(f"h.{i}.", x)
        last = "ln_f" if gpt else "norm"
        if last + ".weight" in w:
            x = self.norm(last, x)
        if spec.get("transform"):
            x = self.norm("transform_norm", F.gelu(self.linear("transform", x), approximate="tanh"))
        return x

    def scores(self, hidden, items):
        name = next(name for name in ("output_emb.weight", "item_emb.weight", "wte.weight") if name in self.w)
        return hidden @ self.w[name][:items].T + self.w.get("output_bias", 0)


def sampled_loss(spec, scores, targets, tensors):
    """Candidates of token t: its target with count 0, then the drawn negatives with how often each was drawn."""
    offsets, items = tensors["candidates.offsets"].tolist(), tensors["candidates.items"].long()
    counts, k, catalogue = tensors["candidates.counts"].double(), spec["negatives"], scores.shape[1]
    terms = []
    for t, target in enumerate(targets.tolist()):
        mine = slice(offsets[t], offsets[t + 1])
        if target < 0:
            assert mine.start == mine.stop
            continue
        drawn, times = items[mine], counts[mine]
        assert times.sum() == k and times[drawn == target].tolist() == [0]
        positive, negative = scores[t, target], scores[t, drawn]
        if spec["objective"] == "sampled_softmax":
            if "weight:sampler.weights" in tensors:
                weights = tensors["weight:sampler.weights"].double()
                q = (weights / weights.sum())[drawn]
            else:
                q = torch.full_like(times, 1 / (catalogue - 1))
            partition = positive.exp() + (times * negative.exp() / (k * q)).sum()
            terms.append(partition.log() - positive)
        else:
            alpha = k / (catalogue - 1)
            beta = alpha * (spec["calibration"] * (1 - 1 / alpha) + 1 / alpha) if spec["objective"] == "gbce" else 1.0
            # log(sigmoid(s)^beta) for the target, log(1 - sigmoid(s)) for the negatives
            likelihood = beta * F.logsigmoid(positive) + (times * F.logsigmoid(-negative)).sum()
            terms.append(-likelihood / (k + 1))
    return torch.stack(terms).mean()


def main():
    spec, tensors = read_safetensors(sys.argv[1])
    weights = {name[7:]: tensor.double() for name, tensor in tensors.items() if name.startswith("weight:")}
    for name, weight in weights.items():
        weight.requires_grad_("gradient:" + name in tensors)
    model = Model(spec, weights)
    offsets, items, targets = tensors["offsets"].tolist(), tensors["items"].long(), tensors["targets"].long()
    hidden = torch.cat([model.hidden(items[begin:end]) for begin, end in zip(offsets, offsets[1:])])
    scores = model.scores(hidden, tensors["scores"].shape[1])
    if spec.get("objective", "cross_entropy") == "cross_entropy":
        loss = F.cross_entropy(scores, targets, ignore_index=-1)
    else:
        loss = sampled_loss(spec, scores, targets, tensors)
    loss.backward()

    pairs = {"scores": (tensors["scores"], scores), "loss": (tensors["loss"], loss.reshape(1))}
    for name, weight in weights.items():
        if weight.requires_grad:
            pairs["gradient:" + name] = (tensors["gradient:" + name], weight.grad)
    worst = 0.0
    for name, (ours, theirs) in pairs.items():
        error = float((ours.double() - theirs.detach()).abs().max() / theirs.detach().abs().max())
        worst = max(worst, error)
        if not error <= TOLERANCE:
            print(f"{name}: differs by {error:.2e} of its largest entry")
    print(f"{len(pairs)} tensors compared, largest relative difference {worst:.1e}")
    sys.exit(0 if worst <= TOLERANCE else 1)


if __name__ == "__main__":
    main()
