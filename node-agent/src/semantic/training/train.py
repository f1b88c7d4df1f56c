"""Trains the small translator and writes it as GGUF. Debian's python3-torch is enough; so is one core.

    python3 train.py --data DIR --out translator.gguf

With `--minutes 55` it ends then, wherever it is in the samples. DIR holds samples.txt (or .gz) and vocabulary.json, as generate.ts writes them. The model is a llama of whole words: it reads
`<s> how hot is @n1 =>` and writes `node_temp( @n1 , A ) </s>`. Loss is taken on what it writes only. One matrix serves what it reads and what
it writes, which halves the file. Tried and left out: public word vectors (GloVe) as a start, which changed nothing on fresh questions; six layers, and
twice the width, which changed nothing either; dropout on words, which made it worse.
"""

import argparse
import gzip
import json
import math
import os
import random
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import gguf  # noqa: E402

SPECIAL = ["<unk>", "<s>", "</s>"]
UNKNOWN, BEGIN, END = 0, 1, 2
PLACEHOLDERS = [f"@{kind}{n}" for kind in "nvcuzmsq" for n in range(1, 5)]
MARKS = ["=>", "~", "#number", "#size", "#time", "#temp", "#percent"]


def read_lines(folder):
    path = os.path.join(folder, "samples.txt")
    if os.path.exists(path):
        return open(path).read().splitlines()
    return gzip.open(path + ".gz", "rt").read().splitlines()


class Vocabulary:
    def __init__(self, parts, common):
        written = parts["output"] + PLACEHOLDERS
        read = MARKS + parts["domain"] + parts["common"][:common]
        self.words = SPECIAL + list(dict.fromkeys(written + read))
        self.ids = {word: at for at, word in enumerate(self.words)}
        # What can be written comes first.
        self.written = len(SPECIAL) + len(dict.fromkeys(written))

    def encode(self, text):
        unknown = self.ids["~"]
        return [self.ids.get(word, unknown) for word in text.split()]


class Attention(nn.Module):
    def __init__(self, width, heads, dropout):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.q, self.k, self.v, self.o = (nn.Linear(width, width, bias=False) for _ in range(4))

    def forward(self, x, rotation, mask):
        b, t, w = x.shape
        q, k, v = (f(x).view(b, t, self.heads, -1).transpose(1, 2) for f in (self.q, self.k, self.v))
        q, k = rotate(q, rotation), rotate(k, rotation)
        scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[3]) + mask
        weights = F.dropout(scores.softmax(-1), self.dropout, self.training)
        return self.o((weights @ v).transpose(1, 2).reshape(b, t, w))


def rotate(x, rotation):
    """Rotary positions on neighbouring pairs, as llama.cpp has them for this architecture."""
    cos, sin = rotation
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(3)


def norm(x, weight):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * weight


class Layer(nn.Module):
    def __init__(self, width, hidden, heads, dropout):
        super().__init__()
        self.attention = Attention(width, heads, dropout)
        self.before, self.between = nn.Parameter(torch.ones(width)), nn.Parameter(torch.ones(width))
        self.gate, self.up = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)
        self.dropout = dropout

    def forward(self, x, rotation, mask):
        x = x + F.dropout(self.attention(norm(x, self.before), rotation, mask), self.dropout, self.training)
        h = norm(x, self.between)
        return x + F.dropout(self.down(F.silu(self.gate(h)) * self.up(h)), self.dropout, self.training)


class Translator(nn.Module):
    def __init__(self, vocabulary, a):
        super().__init__()
        self.a = a
        self.words = nn.Embedding(len(vocabulary.words), a.width)
        nn.init.normal_(self.words.weight, std=0.04)
        self.layers = nn.ModuleList(Layer(a.width, a.hidden, a.heads, a.dropout) for _ in range(a.layers))
        self.last = nn.Parameter(torch.ones(a.width))
        size = a.width // a.heads
        angles = torch.outer(torch.arange(a.context).float(), 10000.0 ** (-torch.arange(0, size, 2).float() / size))
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def forward(self, tokens):
        t = tokens.shape[1]
        x = F.dropout(self.words(tokens), self.a.dropout, self.training)
        mask = torch.full((t, t), float("-inf"), device=tokens.device).triu(1)
        for layer in self.layers:
            x = layer(x, (self.cos[:t], self.sin[:t]), mask)
        return norm(x, self.last)

    def logits(self, hidden):
        return hidden @ self.words.weight.t()


def weights_of(model):
    """What llama.cpp calls each weight."""
    named = {"token_embd.weight": model.words.weight, "output_norm.weight": model.last}
    for at, layer in enumerate(model.layers):
        parts = {
            "attn_norm": layer.before,
            "attn_q": layer.attention.q.weight,
            "attn_k": layer.attention.k.weight,
            "attn_v": layer.attention.v.weight,
            "attn_output": layer.attention.o.weight,
            "ffn_norm": layer.between,
            "ffn_gate": layer.gate.weight,
            "ffn_up": layer.up.weight,
            "ffn_down": layer.down.weight,
        }
        named |= {f"blk.{at}.{name}.weight": value for name, value in parts.items()}
    return named


@torch.no_grad()
def go_on_from(model, vocabulary, path):
    """Takes the weights of a trained model of the same shape; words that it did not have begin anew."""
    words, weights = gguf.read(path)
    before = {word.removeprefix("\u2581"): at for at, word in enumerate(words)}
    for name, weight in weights_of(model).items():
        if name != "token_embd.weight":
            weight.copy_(torch.from_numpy(weights[name]))
    for at, word in enumerate(vocabulary.words):
        if word in before:
            model.words.weight[at] = torch.from_numpy(weights["token_embd.weight"][before[word]])


def encode_samples(lines, vocabulary):
    samples, sep = [], vocabulary.ids["=>"]
    for line in lines:
        question, form = line.split("\t")
        said = vocabulary.encode(form)
        if max(said) >= vocabulary.written:
            raise SystemExit(f"cannot be written: {form}")
        samples.append(([BEGIN, *vocabulary.encode(question), sep], [*said, END]))
    return samples


def batches(samples, size, rng):
    """Samples of about one length together: padding costs as much as words."""
    order = list(range(len(samples)))
    rng.shuffle(order)
    chunk = size * 64
    for start in range(0, len(order), chunk):
        part = sorted(order[start : start + chunk], key=lambda i: len(samples[i][0]) + len(samples[i][1]))
        groups = [part[i : i + size] for i in range(0, len(part), size)]
        rng.shuffle(groups)
        yield from groups


def to_tensors(group, samples, device):
    longest = max(len(samples[i][0]) + len(samples[i][1]) for i in group) - 1
    tokens = np.full((len(group), longest), END, dtype=np.int64)
    targets = np.full((len(group), longest), -1, dtype=np.int64)
    for row, i in enumerate(group):
        question, said = samples[i]
        whole = question + said
        tokens[row, : len(whole) - 1] = whole[:-1]
        targets[row, len(question) - 1 : len(whole) - 1] = said
    return torch.from_numpy(tokens).to(device), torch.from_numpy(targets).to(device)


def train(model, samples, vocabulary, a, device):
    decay = [p for n, p in model.named_parameters() if p.dim() > 1]
    plain = [p for n, p in model.named_parameters() if p.dim() <= 1]
    groups = [{"params": decay, "weight_decay": a.decay}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=a.rate, betas=(0.9, 0.98))
    rng = random.Random(a.seed)
    steps = a.epochs * math.ceil(len(samples) / a.batch)
    warm, step, began, shown = min(400, steps // 10), 0, time.time(), 0.0
    model.train()
    for _ in range(a.epochs):
        for group in batches(samples, a.batch, rng):
            part = step / max(1, steps) if a.minutes == 0 else (time.time() - began) / (60 * a.minutes)
            if part >= 1:
                break
            rate = a.rate * (step + 1) / warm if step < warm else a.rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * part)))
            for g in optimizer.param_groups:
                g["lr"] = rate
            tokens, targets = to_tensors(group, samples, device)
            where = targets.view(-1) >= 0
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
                hidden = model(tokens).reshape(-1, a.width)[where]
            loss = F.cross_entropy(model.logits(hidden.float()), targets.view(-1)[where])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
            if time.time() - shown > 15:
                shown = time.time()
                print(f"step {step}/{steps} loss {loss.item():.4f} {shown - began:.0f} s", file=sys.stderr, flush=True)
    model.eval()


def export(model, vocabulary, a, path):
    # No output.weight: llama.cpp then takes token_embd for both.
    tensors = {name: weight.detach().cpu().numpy() for name, weight in weights_of(model).items()}
    gguf.write(
        path,
        name="logic-node translator",
        shape={"layers": a.layers, "width": a.width, "hidden": a.hidden, "heads": a.heads, "context": a.context},
        words=SPECIAL + ["\u2581" + word for word in vocabulary.words[len(SPECIAL) :]],
        special={"unknown": UNKNOWN, "begin": BEGIN, "end": END},
        tensors=tensors,
    )


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--data", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--from", dest="start", help="a GGUF that this wrote: goes on from its weights")
    for name, kind, default in [
        ("width", int, 128), ("layers", int, 4), ("hidden", int, 352), ("heads", int, 4), ("context", int, 192),
        ("common", int, 1500), ("epochs", int, 1), ("batch", int, 128), ("rate", float, 2e-3), ("decay", float, 0.05),
        ("dropout", float, 0.1),
        ("seed", int, 1), ("threads", int, 1), ("minutes", float, 0),
    ]:  # fmt: skip
        p.add_argument(f"--{name}", type=kind, default=default)
    return p.parse_args()


def main():
    a = arguments()
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    vocabulary = Vocabulary(json.load(open(os.path.join(a.data, "vocabulary.json"))), a.common)
    samples = encode_samples(read_lines(a.data), vocabulary)
    model = Translator(vocabulary, a).to(device)
    if a.start:
        go_on_from(model, vocabulary, a.start)
    count = sum(p.numel() for p in model.layers.parameters())
    print(f"{len(samples)} samples, {len(vocabulary.words)} words, {count} weights in layers, {device}", file=sys.stderr)
    began = time.time()
    train(model, samples, vocabulary, a, device)
    print(f"trained in {time.time() - began:.0f} s", file=sys.stderr)
    export(model, vocabulary, a, a.out)


if __name__ == "__main__":
    main()
