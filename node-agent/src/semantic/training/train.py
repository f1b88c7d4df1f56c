"""Trains the small translator and writes it as GGUF. Debian's python3-torch is enough; so is one core.

    python3 train.py --data DIR --out translator.gguf [--vectors vectors.npz]

DIR holds samples.txt (or .gz) and vocabulary.json, as generate.ts writes them. The model is a llama of whole words: it reads
`<s> how hot is @n1 =>` and writes `node_temp( @n1 , A ) </s>`. Loss is taken on what it writes only. Words start from public word vectors
(GloVe) through one learned matrix, so that a word that no phrasing uses stands near the words it is used like.
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
# The log of the sum of what the softmax is taken over. Rows of the output matrix that are no words to write are zero: this far below.
LOG_SUM = 18.0


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
    def __init__(self, vocabulary, vectors, a):
        super().__init__()
        self.a, size = a, len(vocabulary.words)
        self.own = nn.Embedding(size, a.width)
        nn.init.normal_(self.own.weight, std=0.02)
        self.register_buffer("vectors", vectors)
        self.map = nn.Linear(vectors.shape[1], a.width, bias=False)
        nn.init.normal_(self.map.weight, std=0.02 * a.vector_scale)
        has = vectors.abs().sum(1) > 0
        with torch.no_grad():
            self.own.weight[~has] *= 2.0
            self.own.weight[has] *= 0.25
        self.layers = nn.ModuleList(Layer(a.width, a.hidden, a.heads, a.dropout) for _ in range(a.layers))
        self.last = nn.Parameter(torch.ones(a.width))
        self.output = nn.Linear(a.width, vocabulary.written, bias=False)
        nn.init.normal_(self.output.weight, std=0.02)
        size = a.width // a.heads
        angles = torch.outer(torch.arange(a.context).float(), 10000.0 ** (-torch.arange(0, size, 2).float() / size))
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def table(self):
        return self.own.weight + self.map(self.vectors)

    def forward(self, tokens):
        t = tokens.shape[1]
        words = F.embedding(tokens, self.own.weight) + self.map(F.embedding(tokens, self.vectors))
        x = F.dropout(words, self.a.dropout, self.training)
        mask = torch.full((t, t), float("-inf"), device=tokens.device).triu(1)
        for layer in self.layers:
            x = layer(x, (self.cos[:t], self.sin[:t]), mask)
        return norm(x, self.last)


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


def to_tensors(group, samples, device, a, rng, vocabulary):
    longest = max(len(samples[i][0]) + len(samples[i][1]) for i in group) - 1
    tokens = np.full((len(group), longest), END, dtype=np.int64)
    targets = np.full((len(group), longest), -1, dtype=np.int64)
    low = vocabulary.written + len(MARKS)
    for row, i in enumerate(group):
        question, said = samples[i]
        if a.word_dropout > 0:
            unknown = vocabulary.ids["~"]
            question = [unknown if w >= low and rng.random() < a.word_dropout else w for w in question]
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
            part = step / max(1, steps)
            rate = a.rate * (step + 1) / warm if step < warm else a.rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * part)))
            for g in optimizer.param_groups:
                g["lr"] = rate
            tokens, targets = to_tensors(group, samples, device, a, rng, vocabulary)
            where = targets.view(-1) >= 0
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
                hidden = model(tokens).reshape(-1, a.width)[where]
            logits = model.output(hidden.float())
            log_sum = logits.logsumexp(-1)
            said = targets.view(-1)[where]
            loss = F.cross_entropy(logits, said, label_smoothing=a.smoothing) + 1e-3 * (log_sum - LOG_SUM).pow(2).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
            if time.time() - shown > 15:
                shown = time.time()
                print(f"step {step}/{steps} loss {loss.item():.4f} {shown - began:.0f} s", file=sys.stderr, flush=True)
    model.eval()


@torch.no_grad()
def predict(model, lines, vocabulary, device, most=90):
    """What the model says by itself, without a grammar: for looking at a training run, not for figures."""
    said = []
    words = vocabulary.words
    for start in range(0, len(lines), 256):
        part = [[BEGIN, *vocabulary.encode(line), vocabulary.ids["=>"]] for line in lines[start : start + 256]]
        out = [[] for _ in part]
        sure = [1.0 for _ in part]
        open_rows = set(range(len(part)))
        for _ in range(most):
            rows = sorted(open_rows)
            if not rows:
                break
            whole = [part[r] + out[r] for r in rows]
            longest = max(map(len, whole))
            tokens = torch.tensor([w + [END] * (longest - len(w)) for w in whole], device=device)
            hidden = model(tokens)[torch.arange(len(rows)), torch.tensor([len(w) - 1 for w in whole])]
            p = model.output(hidden.float()).softmax(-1)
            best = p.argmax(-1)
            for at, r in enumerate(rows):
                token = int(best[at])
                sure[r] = min(sure[r], float(p[at, token]))
                if token == END:
                    open_rows.discard(r)
                else:
                    out[r].append(token)
        said += [(sure[r], " ".join(words[t] for t in out[r])) for r in range(len(part))]
    return said


def export(model, vocabulary, a, path):
    with torch.no_grad():
        size = len(vocabulary.words)
        output = np.zeros((size, a.width), dtype=np.float32)
        output[: vocabulary.written] = model.output.weight.cpu().numpy()
        tensors = {
            "token_embd.weight": model.table().cpu().numpy(),
            "output_norm.weight": model.last.cpu().numpy(),
            "output.weight": output,
        }
        for at, layer in enumerate(model.layers):
            named = {
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
            tensors |= {f"blk.{at}.{name}.weight": value.cpu().numpy() for name, value in named.items()}
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
    p.add_argument("--vectors")
    p.add_argument("--predict", help="a file of questions; what the model says of each is written beside OUT")
    for name, kind, default in [
        ("width", int, 128), ("layers", int, 4), ("hidden", int, 352), ("heads", int, 4), ("context", int, 192),
        ("common", int, 4000), ("epochs", int, 1), ("batch", int, 128), ("rate", float, 2e-3), ("decay", float, 0.05),
        ("dropout", float, 0.1), ("word_dropout", float, 0.0), ("smoothing", float, 0.0), ("vector_scale", float, 1.0),
        ("seed", int, 1), ("threads", int, 1),
    ]:  # fmt: skip
        p.add_argument(f"--{name}", type=kind, default=default)
    return p.parse_args()


def main():
    a = arguments()
    torch.manual_seed(a.seed)
    torch.set_num_threads(a.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    vocabulary = Vocabulary(json.load(open(os.path.join(a.data, "vocabulary.json"))), a.common)
    vectors = torch.zeros(len(vocabulary.words), 100)
    if a.vectors:
        known = np.load(a.vectors)
        table = dict(zip(known["words"].tolist(), known["vectors"]))
        for at, word in enumerate(vocabulary.words):
            if at >= vocabulary.written and word in table:
                vectors[at] = torch.from_numpy(table[word])
    samples = encode_samples(read_lines(a.data), vocabulary)
    model = Translator(vocabulary, vectors, a).to(device)
    count = sum(p.numel() for p in model.layers.parameters())
    print(f"{len(samples)} samples, {len(vocabulary.words)} words, {count} weights in layers, {device}", file=sys.stderr)
    began = time.time()
    train(model, samples, vocabulary, a, device)
    print(f"trained in {time.time() - began:.0f} s", file=sys.stderr)
    export(model, vocabulary, a, a.out)
    if a.predict:
        lines = open(a.predict).read().splitlines()
        with open(a.out + ".said", "w") as file:
            for sure, text in predict(model, lines, vocabulary, device):
                file.write(f"{sure:.4f}\t{text}\n")


if __name__ == "__main__":
    main()
