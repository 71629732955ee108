"""PyTorch eager: one training step of a GPT-2 recommender (hidden 64, 3 blocks, 2 heads, 18,345 items, 64 x 128 tokens).

Pre-LN blocks, fused attention kernel (SDPA), tied head, full cross-entropy at every position, dropout 0.1, fused Adam.
"""

import torch
import torch.nn.functional as F

from rival import measure, threads

ITEMS, HIDDEN, BLOCKS, HEADS, ROWS, LENGTH, DROPOUT = 18345, 64, 3, 2, 64, 128, 0.1


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1, self.ln_2 = torch.nn.LayerNorm(HIDDEN), torch.nn.LayerNorm(HIDDEN)
        self.c_attn = torch.nn.Linear(HIDDEN, 3 * HIDDEN)
        self.c_proj = torch.nn.Linear(HIDDEN, HIDDEN)
        self.c_fc = torch.nn.Linear(HIDDEN, 4 * HIDDEN)
        self.mlp_proj = torch.nn.Linear(4 * HIDDEN, HIDDEN)

    def forward(self, x):
        rows, length, _ = x.shape
        q, k, v = (part.view(rows, length, HEADS, -1).transpose(1, 2) for part in self.c_attn(self.ln_1(x)).split(HIDDEN, 2))
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=DROPOUT)
        x = x + F.dropout(self.c_proj(attended.transpose(1, 2).reshape(rows, length, HIDDEN)), DROPOUT)
        hidden = F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh")
        return x + F.dropout(self.mlp_proj(hidden), DROPOUT)


class Gptrec(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.wte = torch.nn.Embedding(ITEMS, HIDDEN)
        self.wpe = torch.nn.Embedding(LENGTH, HIDDEN)
        self.blocks = torch.nn.ModuleList(Block() for _ in range(BLOCKS))
        self.ln_f = torch.nn.LayerNorm(HIDDEN)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.02)

    def forward(self, items):
        x = F.dropout(self.wte(items) + self.wpe.weight[: items.shape[1]], DROPOUT)
        for block in self.blocks:
            x = block(x)
        return F.linear(self.ln_f(x), self.wte.weight)


def main():
    torch.set_num_threads(threads())
    torch.manual_seed(1)
    model = Gptrec()
    adam = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    items = torch.randint(0, ITEMS, (ROWS, LENGTH + 1))

    def step():
        adam.zero_grad(set_to_none=True)
        logits = model(items[:, :-1])
        loss = F.cross_entropy(logits.view(-1, ITEMS), items[:, 1:].reshape(-1))
        loss.backward()
        adam.step()
        return {"loss": float(loss.detach())}

    measure(step, work=ROWS * LENGTH, warmup=1, repeats=5)


if __name__ == "__main__":
    main()
