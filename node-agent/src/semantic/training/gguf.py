"""Writes a llama-architecture model as a GGUF file, matrices in q8_0.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (version 3). Only what llama.cpp needs to load the model that
train.py makes: its vocabulary is one of whole words (a unigram tokenizer, `t5` in GGUF's words), so that text can be given to any
server of llama.cpp as it is.
"""

import struct

import numpy as np

ALIGNMENT = 32
BLOCK = 32  # q8_0: one half-precision scale for each 32 weights
F32, Q8_0 = 0, 8
UINT32, FLOAT32, BOOL, STRING, ARRAY = 4, 6, 7, 8, 9
INT32 = 5
NORMAL, UNKNOWN, CONTROL = 1, 2, 3  # token types


def q8_0(matrix):
    """Blocks of 32 along the rows: scale = max |w| / 127, then the rounded weights."""
    blocks = matrix.astype(np.float32).reshape(-1, BLOCK)
    scale = (np.abs(blocks).max(axis=1, keepdims=True) / 127.0).astype(np.float16)
    divisor = np.where(scale == 0, 1, scale).astype(np.float32)
    weights = np.rint(blocks / divisor).clip(-127, 127).astype(np.int8)
    return np.concatenate([scale.view(np.int8).reshape(-1, 2), weights], axis=1).tobytes()


def _text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def _value(kind, value):
    if kind == STRING:
        return _text(value)
    return struct.pack({UINT32: "<I", INT32: "<i", FLOAT32: "<f", BOOL: "<?"}[kind], value)


def _entry(key, kind, value, of=None):
    if kind != ARRAY:
        return _text(key) + struct.pack("<I", kind) + _value(kind, value)
    items = b"".join(_value(of, item) for item in value)
    return _text(key) + struct.pack("<IIQ", ARRAY, of, len(value)) + items


def write(path, *, name, shape, words, special, tensors):
    """shape: dict with layers, width, hidden, heads, context. words: the vocabulary, in order of the ids. special: unknown, begin, end as
    ids. tensors: name -> 2-d (quantized) or 1-d (as it is) array, in GGUF's names."""
    types = [NORMAL] * len(words)
    types[special["unknown"]] = UNKNOWN
    types[special["begin"]] = types[special["end"]] = CONTROL
    entries = [
        _entry("general.architecture", STRING, "llama"),
        _entry("general.name", STRING, name),
        _entry("general.alignment", UINT32, ALIGNMENT),
        _entry("general.file_type", UINT32, 7),
        _entry("llama.context_length", UINT32, shape["context"]),
        _entry("llama.embedding_length", UINT32, shape["width"]),
        _entry("llama.block_count", UINT32, shape["layers"]),
        _entry("llama.feed_forward_length", UINT32, shape["hidden"]),
        _entry("llama.attention.head_count", UINT32, shape["heads"]),
        _entry("llama.attention.head_count_kv", UINT32, shape["heads"]),
        _entry("llama.attention.layer_norm_rms_epsilon", FLOAT32, 1e-5),
        _entry("llama.rope.dimension_count", UINT32, shape["width"] // shape["heads"]),
        _entry("llama.rope.freq_base", FLOAT32, 10000.0),
        _entry("llama.vocab_size", UINT32, len(words)),
        _entry("tokenizer.ggml.model", STRING, "t5"),
        _entry("tokenizer.ggml.tokens", ARRAY, words, STRING),
        # The longest match wins: one word is always better than two pieces of it.
        _entry("tokenizer.ggml.scores", ARRAY, [-1.0] * len(words), FLOAT32),
        _entry("tokenizer.ggml.token_type", ARRAY, types, INT32),
        _entry("tokenizer.ggml.unknown_token_id", UINT32, special["unknown"]),
        _entry("tokenizer.ggml.bos_token_id", UINT32, special["begin"]),
        _entry("tokenizer.ggml.eos_token_id", UINT32, special["end"]),
        _entry("tokenizer.ggml.padding_token_id", UINT32, special["end"]),
        _entry("tokenizer.ggml.add_bos_token", BOOL, True),
        _entry("tokenizer.ggml.add_eos_token", BOOL, False),
        _entry("tokenizer.ggml.add_space_prefix", BOOL, True),
        _entry("tokenizer.ggml.remove_extra_whitespaces", BOOL, True),
    ]
    heads, bodies, offset = [], [], 0
    for key, array in tensors.items():
        flat = array.ndim == 1
        body = array.astype("<f4").tobytes() if flat else q8_0(array)
        sizes = array.shape[::-1]
        heads.append(
            _text(key) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, F32 if flat else Q8_0, offset)
        )
        body += b"\0" * (-len(body) % ALIGNMENT)
        bodies.append(body)
        offset += len(body)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries)) + b"".join(entries) + b"".join(heads)
    with open(path, "wb") as file:
        file.write(head + b"\0" * (-len(head) % ALIGNMENT) + b"".join(bodies))


def read(path):
    """The words and the weights (as 32-bit floats, by GGUF's names) of a file that `write` wrote."""
    data, at = open(path, "rb").read(), 4

    def take(form):
        nonlocal at
        values = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return values[0] if len(values) == 1 else values

    def text():
        nonlocal at
        size = take("Q")
        at += size
        return data[at - size : at].decode()

    def value(kind):
        if kind == STRING:
            return text()
        if kind == ARRAY:
            of, count = take("I"), take("Q")
            return [value(of) for _ in range(count)]
        return take({UINT32: "I", INT32: "i", FLOAT32: "f", BOOL: "?"}[kind])

    version, tensors, entries = take("I"), take("Q"), take("Q")
    if version != 3:
        raise SystemExit(f"{path} is GGUF {version}, not 3")
    meta = {text(): value(take("I")) for _ in range(entries)}
    heads = []
    for _ in range(tensors):
        name, sizes = text(), [take("Q") for _ in range(take("I"))]
        heads.append((name, sizes[::-1], take("I"), take("Q")))
    start = at + -at % ALIGNMENT
    weights = {name: _weights(data, start + offset, shape, kind) for name, shape, kind, offset in heads}
    return meta["tokenizer.ggml.tokens"], weights


def _weights(data, at, shape, kind):
    count = int(np.prod(shape))
    if kind == F32:
        return np.frombuffer(data, "<f4", count, at).reshape(shape).copy()
    blocks = np.frombuffer(data, np.int8, count // BLOCK * (BLOCK + 2), at).reshape(-1, BLOCK + 2)
    scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    return (blocks[:, 2:] * scale).reshape(shape)
