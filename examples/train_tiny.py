"""Train a small LLaMA-shaped model on the CPU from the shards of a run, stop, and go on with the same curve.

    python -m pipeline.run                      # the demo: shards in out/
    pip install '.[train]'                      # torch
    python examples/train_tiny.py --run out --checkpoint tiny.pt

The same command goes on from the checkpoint. The model has LLaMA's parts (RMSNorm before each block, rotary
positions, SwiGLU, no biases: Touvron et al. 2023, section 2.2) in small. A row of the shards is cut into
contexts; attention stays inside a document, and no document's last token is asked for the next one's first.
Rows come by `mixtures.torch_rows`, so a checkpoint holds one integer of the data: `position`.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from mixtures.reader import TrainingShards
from mixtures.torch_rows import StreamRows
from pipeline.errors import WinnowError

WARM_UP = 20  # steps
ROTARY_BASE = 10_000.0
VALIDATION_CONTEXTS = 8  # of each source


class Block(nn.Module):
    """Attention and a SwiGLU feed-forward layer, each behind a norm and added to its input."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        inner = 8 * width // 3
        self.heads = heads
        self.norm_attention, self.norm_feed = nn.RMSNorm(width), nn.RMSNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.output = nn.Linear(width, width, bias=False)
        self.gate_up = nn.Linear(width, 2 * inner, bias=False)
        self.down = nn.Linear(inner, width, bias=False)

    def forward(self, hidden: Tensor, rotary: Tensor, mask: Tensor) -> Tensor:
        batch, length, width = hidden.shape
        mixed = self.query_key_value(self.norm_attention(hidden))
        query, key, value = mixed.view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(
            rotate(query, rotary), rotate(key, rotary), value, attn_mask=mask
        )
        hidden = hidden + self.output(attended.transpose(1, 2).reshape(batch, length, width))
        gate, up = self.gate_up(self.norm_feed(hidden)).chunk(2, dim=-1)
        return hidden + self.down(functional.silu(gate) * up)


class TinyLlama(nn.Module):
    """Tokens (batch, length) and their documents to logits (batch, length, vocabulary)."""

    def __init__(self, vocabulary: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.RMSNorm(width)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.half = width // heads // 2

    def forward(self, tokens: Tensor, segments: Tensor) -> Tensor:
        length = tokens.shape[1]
        speeds = ROTARY_BASE ** (-torch.arange(self.half) / self.half)
        rotary = torch.arange(length)[:, None] * speeds
        same = segments[:, :, None] == segments[:, None, :]
        mask = (same & torch.ones(length, length, dtype=torch.bool).tril())[:, None]
        hidden = self.embedding(tokens)
        for block in self.blocks:
            hidden = block(hidden, rotary, mask)
        return self.norm(hidden) @ self.embedding.weight.T


def rotate(heads: Tensor, rotary: Tensor) -> Tensor:
    """Rotary position embedding of (batch, heads, length, size) (Su et al. 2021)."""
    one, two = heads.chunk(2, dim=-1)
    cos, sin = rotary.cos(), rotary.sin()
    return torch.cat([one * cos - two * sin, one * sin + two * cos], dim=-1)


def loss_of(model: TinyLlama, tokens: Tensor, segments: Tensor) -> Tensor:
    """Mean cross-entropy of each next token of the same document."""
    logits = model(tokens[:, :-1], segments[:, :-1])
    targets = tokens[:, 1:].masked_fill(segments[:, 1:] != segments[:, :-1], -100)
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)


def contexts(batch: dict[str, Tensor], length: int) -> tuple[Tensor, Tensor]:
    """Rows cut into contexts of `length` tokens: (tokens, segments)."""
    whole = batch["tokens"].shape[1] // length * length
    return batch["tokens"][:, :whole].reshape(-1, length), batch["segments"][:, :whole].reshape(-1, length)


@torch.no_grad()
def validate(model: TinyLlama, shards: TrainingShards, length: int) -> dict[str, float]:
    """Loss on what each source held out."""
    losses = {}
    for source, rows in shards.validation(length).items():
        if len(rows):
            tokens = torch.from_numpy(rows[:VALIDATION_CONTEXTS].astype("int64"))
            segments = torch.cumsum(tokens == shards.bos, dim=1)
            losses[source] = loss_of(model, tokens, segments).item()
    return losses


def train(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Train to `options.steps`, from the checkpoint where there is one; yields a line for each step."""
    torch.manual_seed(0)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(options.threads)
    shards = TrainingShards(options.run)
    model = TinyLlama(shards.vocabulary, options.width, options.layers, options.heads)
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.rate, betas=(0.9, 0.95), weight_decay=0.1)
    state = {"step": 0, "position": 0}
    if options.checkpoint.exists():
        saved = torch.load(options.checkpoint, weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        state = {key: saved[key] for key in state}
    begun = state["step"]
    dataset = StreamRows(options.run, batch_rows=options.batch_rows, position=state["position"])
    loader = DataLoader(dataset, batch_size=dataset.batch_size, num_workers=options.workers)
    stop = min(options.steps, begun + (options.stop_after or options.steps))
    # Numbers before the loader: the step that would be one too many must not take a batch.
    for step, batch in zip(range(begun, stop), loader, strict=False):
        for group in optimizer.param_groups:
            group["lr"] = options.rate * rate_at(step, options.steps)
        loss = loss_of(model, *contexts(batch, options.context))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        state = {"step": step + 1, "position": dataset.position_after(step + 1 - begun)}
        line: dict[str, Any] = {**state, "loss": loss.item()}
        if (step + 1) % options.validate_every == 0 or step == 0:
            line["validation"] = validate(model, shards, options.context)
        yield line
    torch.save(
        {**state, "model": model.state_dict(), "optimizer": optimizer.state_dict()}, options.checkpoint
    )


def rate_at(step: int, steps: int) -> float:
    """A linear warm-up, then a cosine to a tenth of the peak (Touvron et al. 2023, section 2.3)."""
    warm = min(1.0, (step + 1) / WARM_UP)
    return warm * (0.1 + 0.45 * (1 + math.cos(math.pi * step / steps)))


def main(arguments: list[str] | None = None) -> int:
    """Train and print the curve, a JSON object for each step; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", default="out", metavar="OUT", help="the run's output folder (default: out)")
    parser.add_argument("--checkpoint", type=Path, default=Path("tiny.pt"))
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--stop-after", type=int, default=0, metavar="N", help="stop after N steps this time")
    parser.add_argument("--validate-every", type=int, default=60)
    parser.add_argument("--batch-rows", type=int, default=1, help="rows of one step")
    parser.add_argument("--context", type=int, default=256, help="tokens that the model sees at once")
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--rate", type=float, default=3e-3, help="peak of the learning rate")
    parser.add_argument("--workers", type=int, default=0, help="DataLoader's worker processes")
    parser.add_argument(
        "--threads", type=int, default=1, help="torch's threads; another number, other digits"
    )
    options = parser.parse_args(arguments)
    try:
        for line in train(options):
            print(json.dumps(line), flush=True)
    except WinnowError as error:
        print(f"train_tiny: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
