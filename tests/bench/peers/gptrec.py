"""The GPT-2 recommender of the rivals: hidden 64, 3 pre-LN blocks, 2 heads, fused attention kernel (SDPA), tied head."""

import math
import statistics

import torch
import torch.nn.functional as F

HIDDEN, BLOCKS, HEADS, LENGTH = 64, 3, 2, 128


class Block(torch.nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.dropout = dropout
        self.ln_1, self.ln_2 = torch.nn.LayerNorm(HIDDEN), torch.nn.LayerNorm(HIDDEN)
        self.c_attn = torch.nn.Linear(HIDDEN, 3 * HIDDEN)
        self.c_proj = torch.nn.Linear(HIDDEN, HIDDEN)
        self.c_fc = torch.nn.Linear(HIDDEN, 4 * HIDDEN)
        self.mlp_proj = torch.nn.Linear(4 * HIDDEN, HIDDEN)

    def forward(self, x):
        rows, length, _ = x.shape
        dropout = self.dropout if self.training else 0.0
        q, k, v = (part.view(rows, length, HEADS, -1).transpose(1, 2) for part in self.c_attn(self.ln_1(x)).split(HIDDEN, 2))
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=dropout)
        x = x + F.dropout(self.c_proj(attended.transpose(1, 2).reshape(rows, length, HIDDEN)), dropout)
        hidden = F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh")
        return x + F.dropout(self.mlp_proj(hidden), dropout)


class Gptrec(torch.nn.Module):
    """Sequences are padded on the right: with a causal mask, no real position sees the padding."""

    def __init__(self, items, dropout=0.1):
        super().__init__()
        self.dropout = dropout
        self.wte = torch.nn.Embedding(items, HIDDEN)
        self.wpe = torch.nn.Embedding(LENGTH, HIDDEN)
        self.blocks = torch.nn.ModuleList(Block(dropout) for _ in range(BLOCKS))
        self.ln_f = torch.nn.LayerNorm(HIDDEN)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.02)

    def forward(self, items, edit=None):
        """Final states of all positions. edit(x): applied to the output of block 0."""
        x = F.dropout(self.wte(items) + self.wpe.weight[: items.shape[1]], self.dropout if self.training else 0.0)
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index == 0 and edit is not None:
                x = edit(x)
        return self.ln_f(x)


def movielens_lengths(users):
    """Lengths of MovieLens-20M's histories (minimum 20, median 68, mean 144), as Heddle's synthetic source has them:
    a log-normal curve above the minimum, its quantiles in random order."""
    normal = statistics.NormalDist()
    spread = 1.38  # gives the mean
    quantiles = [20 + round(48 * math.exp(spread * normal.inv_cdf((i + 0.5) / users))) for i in range(users)]
    return torch.tensor(quantiles)[torch.randperm(users)]
