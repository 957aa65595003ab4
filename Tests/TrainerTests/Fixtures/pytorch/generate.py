"""Expected values of whole small models, computed by PyTorch in double precision: prints one JSON document.

The model is written from its definition with torch.nn.functional, one sequence at a time, and its gradients are
autograd's: RMSNorm (arXiv:1910.07467), rotary positions as complex rotations of channel pairs (i, i + half)
(arXiv:2104.09864), causal attention with grouped heads (arXiv:2305.13245), SwiGLU (arXiv:2002.05202).

Parameters follow a rule that both sides compute; all are exact in single precision, so that they are the same numbers
here and there. Run with the PyTorch named in README.md: python generate.py > models.json
"""
import json

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

MODELS = [
    # Grouped heads with tied embeddings and biases.
    dict(name="grouped heads, tied, bias", width=12, layers=2, heads=6, kv_heads=2, hidden=11,
         tied=True, bias=True, vocabulary=9, temperature=1.0),
    # Heads of their own, an output projection of its own, no bias, a temperature; rows so small that RMSNorm's
    # epsilon counts.
    dict(name="full heads, untied, temperature 0.7", width=8, layers=2, heads=2, kv_heads=2,
         hidden=13, tied=False, bias=False, vocabulary=7, temperature=0.7, embedding_scale=1 / 32),
    # One key head for all, deeper, flatter than the model's own distribution.
    dict(name="one key head, untied, bias, temperature 1.5", width=8, layers=3, heads=4,
         kv_heads=1, hidden=5, tied=False, bias=True, vocabulary=18, temperature=1.5),
    # The named sizes' kind: full heads, tied, no bias.
    dict(name="full heads, tied, no bias", width=8, layers=2, heads=2, kv_heads=2, hidden=16,
         tied=True, bias=False, vocabulary=25, temperature=1.0),
    # One block, whose rows behind the attention are the scored ones alone.
    dict(name="one layer", width=6, layers=1, heads=1, kv_heads=1, hidden=7, tied=True, bias=True,
         vocabulary=5, temperature=1.0),
]

# (prompt, response): short ones, one with nothing scored, one longer than a vector of keys; "same" repeats the
# prompt before it, as the answers of a group do.
LENGTHS = [(3, 4), (1, 6), (5, 0), (2, 1), (6, 14), (5, 3), ("same", 5), ("same", 3), (1, 1)]


class Draws:
    """A 32-bit linear congruential generator; the upper 16 bits of each state are a draw."""

    def __init__(self, seed):
        self.state = seed

    def bits(self):
        self.state = (self.state * 1664525 + 1013904223) % 2**32
        return self.state >> 16

    def unit(self):
        """A multiple of 2^-15 in [-1, 1)."""
        return self.bits() / 2**15 - 1


def tensor_list(m):
    """Names, shapes and the rule offset + scale * draw, in the order of the draws."""
    c, h = m["width"], m["hidden"]
    rows = c + 2 * m["kv_heads"] * (c // m["heads"])
    tensors = [("embedding.weight", [m["vocabulary"], c], 0, m.get("embedding_scale", 1))]
    for layer in range(m["layers"]):
        p = f"layers.{layer}"
        tensors.append((f"{p}.attention.norm.weight", [c], 1, 0.25))
        tensors.append((f"{p}.attention.query_key_value.weight", [c, rows], 0, 1))
        if m["bias"]:
            tensors.append((f"{p}.attention.query_key_value.bias", [rows], 0, 0.5))
        tensors.append((f"{p}.attention.output.weight", [c, c], 0, 0.5))
        tensors.append((f"{p}.mlp.norm.weight", [c], 1, 0.25))
        tensors.append((f"{p}.mlp.gate_up.weight", [c, 2 * h], 0, 0.5))
        tensors.append((f"{p}.mlp.down.weight", [h, c], 0, 0.5))
    tensors.append(("final_norm.weight", [c], 1, 0.25))
    if not m["tied"]:
        tensors.append(("head.weight", [m["vocabulary"], c], 0, 0.5))
    return tensors


def rotate(x):
    """x: heads x tokens x channels. Token t turns the complex number of pair i by t * 10000^(-2 i / channels)."""
    half = x.shape[-1] // 2
    angles = torch.arange(x.shape[1])[:, None] * 10000.0 ** (-2 * torch.arange(half) / x.shape[-1])
    turned = torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([turned.real, turned.imag], dim=-1)


def logits(m, p, tokens):
    c, size = m["width"], m["width"] // m["heads"]
    widths = [c, m["kv_heads"] * size, m["kv_heads"] * size]

    def heads(x):
        return x.unflatten(-1, (-1, size)).transpose(0, 1)

    x = F.embedding(tokens, p["embedding.weight"])
    for layer in range(m["layers"]):
        name = f"layers.{layer}"
        normed = F.rms_norm(x, (c,), p[f"{name}.attention.norm.weight"], eps=1e-6)
        weights = p[f"{name}.attention.query_key_value.weight"].T.split(widths)
        bias = p.get(f"{name}.attention.query_key_value.bias")
        biases = [None] * 3 if bias is None else bias.split(widths)
        q, k, v = (heads(F.linear(normed, w, b)) for w, b in zip(weights, biases))
        mixed = F.scaled_dot_product_attention(
            rotate(q)[None], rotate(k)[None], v[None], is_causal=True, enable_gqa=True)[0]
        x = x + F.linear(mixed.transpose(0, 1).flatten(1), p[f"{name}.attention.output.weight"].T)
        normed = F.rms_norm(x, (c,), p[f"{name}.mlp.norm.weight"], eps=1e-6)
        gate, up = p[f"{name}.mlp.gate_up.weight"].T.chunk(2)
        hidden = F.silu(F.linear(normed, gate)) * F.linear(normed, up)
        x = x + F.linear(hidden, p[f"{name}.mlp.down.weight"].T)
    x = F.rms_norm(x, (c,), p["final_norm.weight"], eps=1e-6)
    return F.linear(x, p["embedding.weight" if m["tied"] else "head.weight"])


def digits(values):
    """12 significant digits, a hundredth of the error that the tests allow."""
    return [float(f"{v:.12g}") for v in values.flatten().tolist()]


def case(m, seed):
    draws = Draws(seed)
    tensors, parameters = tensor_list(m), {}
    for name, shape, offset, scale in tensors:
        count = torch.Size(shape).numel()
        values = torch.tensor([offset + scale * draws.unit() for _ in range(count)])
        assert bool((values.float().double() == values).all())
        parameters[name] = values.view(shape).requires_grad_()
    sequences, log_probs, entropies, loss = [], [], [], 0
    for prompt, response in LENGTHS:
        if prompt == "same":
            given = sequences[-1]["prompt"]
        else:
            given = [draws.bits() % m["vocabulary"] for _ in range(prompt)]
        answer = [draws.bits() % m["vocabulary"] for _ in range(response)]
        tokens = torch.tensor(given + answer)
        log_prob_weights = torch.tensor([draws.unit() for _ in range(response)])
        entropy_weights = torch.tensor([draws.unit() for _ in range(response)])
        sequences.append(dict(
            prompt=given, response=answer,
            log_prob_weights=log_prob_weights.tolist(), entropy_weights=entropy_weights.tolist()))
        if response == 0:
            continue
        scaled = logits(m, parameters, tokens)[len(given) - 1 : -1] / m["temperature"]
        log_prob = -F.cross_entropy(scaled, tokens[len(given):], reduction="none")
        entropy = torch.distributions.Categorical(logits=scaled).entropy()
        log_probs.append(log_prob.detach())
        entropies.append(entropy.detach())
        loss = loss + log_prob_weights @ log_prob + entropy_weights @ entropy
    loss.backward()
    return dict(
        **m, seed=seed, sequences=sequences, log_probs=digits(torch.cat(log_probs)),
        entropies=digits(torch.cat(entropies)), loss=digits(loss.detach())[0],
        tensors=[dict(name=name, shape=shape, offset=offset, scale=scale,
                      gradient=digits(parameters[name].grad))
                 for name, shape, offset, scale in tensors])


cases = [case(m, seed) for seed, m in enumerate(MODELS, start=1)]
print("{")
print(f'"torch": {json.dumps(torch.__version__.split("+")[0])},')
print('"cases": [')
print(",\n".join(json.dumps(c).replace('{"name": "', '\n{"name": "') for c in cases))
print("]}")
