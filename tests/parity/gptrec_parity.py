"""An independent GPT-2 forward and backward in float64, compared with what heddle.gptrec wrote (gptrec_parity_test.cc).

Exit code 1 when scores, loss or a gradient differ by more than 1e-4 of the largest entry of the tensor.
"""

import json
import sys

import numpy
import torch
import torch.nn.functional as F

HEADS, TOLERANCE = 2, 1e-4
TYPES = {"F32": numpy.float32, "F64": numpy.float64, "I32": numpy.int32, "I64": numpy.int64}


def read_safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        array = numpy.frombuffer(data[start + begin : start + end], TYPES[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.tensor(array)
    return tensors


def forward(weights, items):
    """Scores [T, V] of one sequence. Linear weights are stored [in, out], as GPT-2's Conv1D."""
    length = len(items)
    hidden = weights["wte.weight"].shape[1]
    x = weights["wte.weight"][items] + weights["wpe.weight"][:length]
    mask = torch.ones(length, length, dtype=torch.bool).tril()

    def linear(name, y):
        return y @ weights[name + ".weight"] + weights[name + ".bias"]

    def norm(name, y):
        return F.layer_norm(y, (hidden,), weights[name + ".weight"], weights[name + ".bias"], eps=1e-5)

    block = 0
    while f"h.{block}.ln_1.weight" in weights:
        name = f"h.{block}."
        q, k, v = (
            part.view(length, HEADS, -1).transpose(0, 1) for part in linear(name + "attn.c_attn", norm(name + "ln_1", x)).split(hidden, 1)
        )
        scores = (q @ k.transpose(1, 2) / q.shape[-1] ** 0.5).masked_fill(~mask, float("-inf"))
        attended = (scores.softmax(-1) @ v).transpose(0, 1).reshape(length, hidden)
        x = x + linear(name + "attn.c_proj", attended)
        x = x + linear(name + "mlp.c_proj", F.gelu(linear(name + "mlp.c_fc", norm(name + "ln_2", x)), approximate="tanh"))
        block += 1
    return norm("ln_f", x) @ weights["wte.weight"].T


def main():
    tensors = read_safetensors(sys.argv[1])
    weights = {name[7:]: tensor.double().requires_grad_() for name, tensor in tensors.items() if name.startswith("weight:")}
    offsets, items, targets = tensors["offsets"].tolist(), tensors["items"].long(), tensors["targets"].long()
    scores = torch.cat([forward(weights, items[begin:end]) for begin, end in zip(offsets, offsets[1:])])
    loss = F.cross_entropy(scores, targets, ignore_index=-1)
    loss.backward()

    pairs = {"scores": (tensors["scores"], scores), "loss": (tensors["loss"], loss.reshape(1))}
    for name, weight in weights.items():
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
