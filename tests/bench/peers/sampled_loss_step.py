"""PyTorch eager: gBCE over 256 uniform negatives per token (8,192 tokens, 18,345 items, width 64, f32) with its gradients,
as an expert would write it: gathered rows of the table, one batched product, a fused loss.

Negatives may repeat and may be the target, which makes its work less than Heddle's.
"""

import torch
import torch.nn.functional as F

import rival

TOKENS, ITEMS, WIDTH, NEGATIVES, POWER = 8192, 18345, 64, 256, 0.3


def main():
    options = rival.arguments(__doc__).parse_args()
    torch.set_num_threads(rival.threads())
    torch.manual_seed(1)
    hidden = torch.randn(TOKENS, WIDTH).requires_grad_()
    table = (0.02 * torch.randn(ITEMS, WIDTH)).requires_grad_()
    targets = torch.randint(ITEMS, (TOKENS, 1))

    def step():
        hidden.grad = table.grad = None
        drawn = torch.cat([targets, torch.randint(ITEMS, (TOKENS, NEGATIVES))], dim=1)
        rows = F.embedding(drawn, table)
        logits = torch.bmm(rows, hidden.unsqueeze(2)).squeeze(2)
        loss = (POWER * F.softplus(-logits[:, 0]) + F.softplus(logits[:, 1:]).sum(1)).mean()
        loss.backward()
        return {"loss": float(loss.detach())}

    rival.measure(step, TOKENS, 2, options.repeats or 7)


if __name__ == "__main__":
    main()
