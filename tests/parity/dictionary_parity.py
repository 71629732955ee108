"""dictionary-learning's StandardTrainer in float64, run on what dictionary_parity_test.cc wrote.

Exit code 1 when a loss, a gradient or a weight differs by more than 1e-4 of the largest entry of the tensor.
"""

import sys

import torch
from backbone_parity import read_safetensors
from dictionary_learning.trainers.standard import StandardTrainer

TOLERANCE = 1e-4


class NormTrainer(StandardTrainer):
    """The norm of the error instead of its square: what their trainer logs as l2_loss."""

    def loss(self, x, step, logging=False, **kwargs):
        x_hat, f = self.ae(x, output_features=True)
        sparsity = self.sparsity_warmup_fn(step) * f.norm(p=1, dim=-1).mean()
        return torch.linalg.norm(x - x_hat, dim=-1).mean() + self.l1_penalty * sparsity


def theirs(name, tensor):
    """Their decoder is the transpose of ours."""
    return tensor.T if name == "decoder.weight" else tensor


def main():
    spec, tensors = read_safetensors(sys.argv[1])
    kind = {"l2_squared": StandardTrainer, "l2_norm": NormTrainer}[spec["reconstruction"]]
    trainer = kind(
        steps=spec["steps"],
        activation_dim=spec["inputs"],
        dict_size=spec["features"],
        layer=0,
        lm_name="none",
        lr=spec["rate"],
        l1_penalty=spec["l1"],
        warmup_steps=spec["warmup"],
        sparsity_warmup_steps=spec["sparsity_warmup"],
        decay_start=spec["decay_start"],
        device="cpu",
    )
    model = trainer.ae.double()
    names = [name for name, _ in model.named_parameters()]
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(theirs(name, tensors["before:" + name].double()))

    pairs, losses = {}, []
    for t, x in enumerate(tensors["data"].double().split(spec["rows"])):
        # Their update(), with a look at the gradients before the optimiser projects them.
        trainer.optimizer.zero_grad()
        loss = trainer.loss(x, step=t)
        loss.backward()
        losses.append(loss.detach())
        if t in spec["detailed"]:
            for name, weight in model.named_parameters():
                pairs[f"gradient{t}:{name}"] = (theirs(name, tensors[f"gradient{t}:{name}"]), weight.grad.clone())
        trainer.optimizer.step()
        trainer.scheduler.step()
    for name, weight in model.named_parameters():
        moved = float((weight.detach() - theirs(name, tensors["before:" + name])).abs().max())
        assert moved > 0.01, f"{name} moved by {moved} alone: this compares nothing"
        pairs["after:" + name] = (theirs(name, tensors["after:" + name]), weight.detach())
    pairs["losses"] = (tensors["losses"], torch.stack(losses))
    assert len(names) == 4 and len(pairs) == 4 * (len(spec["detailed"]) + 1) + 1

    worst = 0.0
    for name, (ours, reference) in pairs.items():
        error = float((ours.double() - reference).abs().max() / reference.abs().max())
        worst = max(worst, error)
        if not error <= TOLERANCE:
            print(f"{name}: differs by {error:.2e} of its largest entry")
    print(f"{spec['reconstruction']}: {len(pairs)} tensors compared, largest relative difference {worst:.1e}")
    sys.exit(0 if worst <= TOLERANCE else 1)


if __name__ == "__main__":
    main()
