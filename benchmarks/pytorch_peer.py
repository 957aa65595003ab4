"""The trainer's rollout and policy update in PyTorch, on one core: the peer that `make bench-trainer` compares with.

Same architecture, vocabulary and loop as the trainer's own benchmark. What was found faster on a CPU is used:
projections in one product, rotary positions as one complex product over queries, keys and values, fused attention in
the update, a prompt's keys shared by its answers in the rollout, sampling by the inverse distribution function, fused
AdamW, and micro-batches that fit the caches. Hand-written backward passes of norm and SwiGLU did not pay. A second
sampler is the conventional one, with a cache of its own for every answer.

  pytorch_peer.py check FIXTURE                       compare with the expected values of models.json
  pytorch_peer.py measure SIZE REPEATS [compiled]     print one JSON line per workload; compiled: the update's
                                                      forward and backward by torch.compile, without the
                                                      conventional sampler
"""
import json
import math
import statistics
import sys
import time
from typing import NamedTuple

import torch
import torch.nn.functional as F

VOCABULARY = 25
SIZES = {  # width, layers, heads, hidden
    "83k": (48, 3, 3, 128),
    "303k": (80, 4, 5, 208),
    "974k": (128, 5, 8, 336),
}


class Workload(NamedTuple):
    prompt: int
    response: int
    prompts: int
    samples: int
    micro_batch: int

    @property
    def name(self):
        return f"{self.prompt}+{self.response}x{self.prompts}x{self.samples}"


# Micro-batches of half or twice the size change the update's speed by less than 5 %.
WORKLOADS = [
    Workload(7, 8, 128, 8, 128), Workload(64, 64, 32, 8, 32), Workload(20, 3, 128, 8, 128),
]


class Model:
    """Parameters of a transformer with full heads, tied embeddings and no biases; linear weights are out x in.

    Rotary positions turn neighbouring channels (2i, 2i + 1) of a head. The trainer pairs (i, i + half): the same
    function, with the rows of query and key weights in another order.
    """

    def __init__(self, width, layers, heads, hidden, vocabulary=VOCABULARY, context=128):
        self.width, self.heads, self.size = width, heads, width // heads

        def matrix(*shape):
            return (torch.randn(shape) * (0.5 / math.sqrt(shape[-1]))).requires_grad_()

        def ones():
            return torch.ones(width, requires_grad=True)

        self.embedding, self.norm = matrix(vocabulary, width), ones()
        self.blocks = [
            dict(norm1=ones(), qkv=matrix(3 * width, width), out=matrix(width, width),
                 norm2=ones(), gate_up=matrix(2 * hidden, width), down=matrix(width, hidden))
            for _ in range(layers)
        ]
        half = self.size // 2
        angles = torch.arange(context)[:, None] * 10000.0 ** (-torch.arange(half) / half)
        turns = torch.polar(torch.ones_like(angles), angles)
        # Of a position's queries, keys and values; values stay as they are.
        self.turns = torch.cat(
            [turns.repeat(1, 2 * heads), torch.ones(context, heads * half)], 1).to(torch.complex64)

    def parameters(self):
        return [self.embedding, self.norm] + [w for block in self.blocks for w in block.values()]

    def rms_norm(self, x, weight):
        return F.rms_norm(x, (self.width,), weight, 1e-6)

    def turned_qkv(self, block, x, turns):
        """Rotated queries and keys, and values, of rows x as they come; `turns` broadcasts over groups of rows."""
        rows = F.linear(self.rms_norm(x, block["norm1"]), block["qkv"])
        turned = torch.view_as_complex(rows.view(-1, turns.numel(), 2)) * turns
        return torch.view_as_real(turned)

    def finish(self, block, x, mixed):
        """From the attention's result to the next block."""
        x = x + F.linear(mixed, block["out"])
        gate, up = F.linear(self.rms_norm(x, block["norm2"]), block["gate_up"]).chunk(2, -1)
        return x + F.linear(F.silu(gate) * up, block["down"])

    def logits(self, x):
        return F.linear(self.rms_norm(x, self.norm), self.embedding)

    def training_logits(self, tokens, first):
        """Logits of positions from `first` on, for tokens of sequences of one length."""
        count, length = tokens.shape
        turns = self.turns[:length].reshape(-1)
        x = F.embedding(tokens.reshape(-1), self.embedding)
        for block in self.blocks:
            qkv = self.turned_qkv(block, x, turns).view(count, length, 3, self.heads, self.size)
            q, k, v = qkv.transpose(1, 3).unbind(2)
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)
            if block is self.blocks[-1]:
                # Behind the last attention only rows that predict a response token are needed.
                mixed = mixed[:, first:]
                x = x.view(count, length, -1)[:, first:].reshape(-1, self.width)
            x = self.finish(block, x, mixed.reshape(-1, self.width))
        return self.logits(x).view(count, length - first, -1)


def scores(logits, targets):
    """Log-probabilities of the targets, with their entropies outside the graph."""
    log_p = F.log_softmax(logits, -1)
    with torch.no_grad():
        entropies = -(log_p.exp() * log_p).sum(-1)
    return log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1), entropies


def policy_loss(model, tokens, prompt, old, advantages, count):
    """The clipped policy-gradient loss, summed over response tokens and divided by `count`, and entropies."""
    # The last token predicts nothing.
    logits = model.training_logits(tokens[:, :-1], prompt - 1)
    log_probs, entropies = scores(logits, tokens[:, prompt:])
    ratio = (log_probs - old).exp()
    gain = torch.minimum(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages)
    return gain.sum() / -count, entropies


def update(loss, model, optimizer, tokens, prompt, old, advantages, micro_batch):
    """Two optimiser steps, each on half of the sequences, averaged over their tokens."""
    half = tokens.shape[0] // 2
    count = half * (tokens.shape[1] - prompt)
    for start in (0, half):
        optimizer.zero_grad(set_to_none=True)
        for first in range(start, start + half, micro_batch):
            rows = slice(first, min(first + micro_batch, start + half))
            value, _ = loss(model, tokens[rows], prompt, old[rows], advantages[rows, None], count)
            value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()


class Sampler:
    """Samples answers with cached keys and values; rows are a grid of prompts x samples.

    Prompts are read once for all their samples, and attention joins the scores over a prompt's keys (one product per
    prompt and head) with those over the answer's own: elementwise over the cache while answers are short, since a
    product per answer costs more than its arithmetic, and as products beyond.
    """

    SHORT = 16

    def __init__(self, model, workload):
        self.model, self.prompt = model, workload.prompt
        self.samples, self.longest = workload.samples, workload.response
        self.elementwise = workload.response <= Sampler.SHORT
        self.prefixes = [None] * len(model.blocks)
        shapes = self.cache_shapes(workload.prompts)
        self.caches = [[torch.empty(shape) for shape in shapes] for _ in model.blocks]

    def cache_shapes(self, prompts):
        """Of a layer's keys and values."""
        grid, size = (prompts * self.model.heads, self.samples), self.model.size
        if self.elementwise:
            return [(self.longest, *grid, size)] * 2
        return [(*grid, size, self.longest), (*grid, self.longest, size)]

    def keep(self, layer, k, v):
        """k, v: prompts x heads x places x channels."""
        length, size = k.shape[2:]
        self.prefixes[layer] = (
            k.transpose(2, 3).reshape(-1, size, length).contiguous(), v.reshape(-1, length, size))

    def read_prompts(self, prompts):
        """Keeps the prompts' keys and values; returns the logits behind them."""
        model, (count, length) = self.model, prompts.shape
        turns = model.turns[:length].reshape(-1)
        x = F.embedding(prompts.reshape(-1), model.embedding)
        for layer, block in enumerate(model.blocks):
            qkv = model.turned_qkv(block, x, turns).view(count, length, 3, model.heads, model.size)
            q, k, v = qkv.transpose(1, 3).unbind(2)
            self.keep(layer, k, v)
            if block is model.blocks[-1]:
                mixed = F.scaled_dot_product_attention(q[:, :, -1:], k, v)
                x = x.view(count, length, -1)[:, -1]
            else:
                mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = model.finish(block, x, mixed.transpose(1, 2).reshape(-1, model.width))
        return model.logits(x)

    def attend(self, layer, q, k, v, place):
        """q, k, v: (prompts * heads) x samples x channels, of each answer's token number `place`."""
        prefix_keys, prefix_values = self.prefixes[layer]
        keys, values = self.caches[layer]
        groups, samples, size = q.shape
        length, count = prefix_keys.shape[-1], place + 1
        scale = 1 / math.sqrt(size)
        if self.elementwise:
            keys[place], values[place] = k, v
            weights = q.new_empty(length + count, groups, samples)
            weights[:length] = torch.bmm(q, prefix_keys).permute(2, 0, 1)
            torch.sum(keys[:count] * q, -1, out=weights[length:])
            weights = weights.mul_(scale).softmax(0)
            mixed = torch.bmm(weights[:length].permute(1, 2, 0), prefix_values)
            return mixed.add_((values[:count] * weights[length:].unsqueeze(-1)).sum(0))
        keys[..., place], values[:, :, place] = k, v
        own = torch.bmm(q.view(-1, 1, size), keys.flatten(0, 1)[..., :count])
        weights = torch.cat([torch.bmm(q, prefix_keys), own.view(groups, samples, count)], -1)
        weights = weights.mul_(scale).softmax(-1)
        mixed = torch.bmm(weights[..., :length], prefix_values).view(-1, 1, size)
        own = weights[..., length:].reshape(-1, 1, count)
        return mixed.baddbmm_(own, values.flatten(0, 1)[:, :count])

    def mix(self, layer, qkv, place):
        """The attention's result, a row per answer, from queries, keys and values of token number `place`."""
        heads, size = self.model.heads, self.model.size
        # prompts, samples, 3, heads, channels -> 3, prompts, heads, samples, channels
        grid = qkv.view(-1, self.samples, 3, heads, size).permute(2, 0, 3, 1, 4)
        mixed = self.attend(layer, *grid.reshape(3, -1, self.samples, size), place)
        mixed = mixed.view(-1, heads, self.samples, size).transpose(1, 2)
        return mixed.reshape(-1, self.model.width)

    def draw(self, p):
        """By the inverse distribution function."""
        uniform = torch.rand(p.shape[0], 1)
        return (p.cumsum(-1) <= uniform).sum(-1).clamp_(max=p.shape[1] - 1)

    def decode(self, tokens, place):
        """Feeds every answer's token number `place`, flat; returns the logits behind it."""
        model = self.model
        turns = model.turns[self.prompt + place]
        x = F.embedding(tokens, model.embedding)
        for layer, block in enumerate(model.blocks):
            mixed = self.mix(layer, model.turned_qkv(block, x, turns), place)
            x = model.finish(block, x, mixed)
        return model.logits(x)

    def leave(self, live):
        """Drops finished answers: prompts without live ones, and columns beyond the fullest prompt's live ones.

        Returns the flat rows that stay, some of them finished ones that fill the grid.
        """
        grid = live.view(-1, self.samples)
        groups = grid.any(1).nonzero().squeeze(1)
        columns = int(grid.sum(1).max())
        order = grid[groups].int().sort(dim=1, descending=True, stable=True).indices[:, :columns]
        rows = groups[:, None] * self.samples + order
        heads = self.model.heads
        group_rows = (groups[:, None] * heads + torch.arange(heads)).flatten()
        column_rows = order.repeat_interleave(heads, 0)
        self.prefixes = [(k[group_rows], v[group_rows]) for k, v in self.prefixes]
        first = group_rows[:, None]
        for cache in self.caches:
            for side in (0, 1):
                # (place,) groups, samples, ...
                cache[side] = (
                    cache[side][:, first, column_rows] if self.elementwise
                    else cache[side][first, column_rows])
        self.samples = columns
        return rows.flatten()

    @torch.inference_mode()
    def generate(self, prompts, end=-1):
        """Answers (prompts x samples rows), their log-probabilities and entropies, and their lengths."""
        count = prompts.shape[0] * self.samples
        answers = torch.zeros(count, self.longest, dtype=torch.long)
        log_probs, entropies = torch.zeros(2, count, self.longest)
        lengths = torch.full((count,), self.longest)
        rows, live = torch.arange(count), torch.ones(count, dtype=torch.bool)
        logits = self.read_prompts(prompts).repeat_interleave(self.samples, 0)
        for place in range(self.longest):
            log_p = F.log_softmax(logits, -1)
            p = log_p.exp()
            tokens = self.draw(p)
            answers[rows, place] = tokens
            log_probs[rows, place] = log_p.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
            entropies[rows, place] = (p * log_p).sum(-1).neg_()
            if end >= 0:
                lengths[rows] = torch.where(live & (tokens == end), place + 1, lengths[rows])
                live &= tokens != end
                if not live.any():
                    break
                # Gathering the caches costs as much as some decoding: an eighth must have left.
                if place + 1 < self.longest and live.sum() < 0.875 * live.numel():
                    kept = self.leave(live)
                    rows, live, tokens = rows[kept], live[kept], tokens[kept]
            if place + 1 < self.longest:
                logits = self.decode(tokens, place)
        return answers, log_probs, entropies, lengths


class ConventionalSampler(Sampler):
    """Samples as most code for PyTorch does: every answer has its own cache, of prompt and answer.

    Prompts are still read once for all their samples and copied to them.
    """

    def cache_shapes(self, prompts):
        model = self.model
        answers, length = prompts * self.samples, self.prompt + self.longest
        return [(answers, model.heads, length, model.size)] * 2

    def keep(self, layer, k, v):
        for cache, side in zip(self.caches[layer], (k, v)):
            grid = cache.view(-1, self.samples, *cache.shape[1:])
            grid[..., :self.prompt, :] = side.unsqueeze(1)

    def mix(self, layer, qkv, place):
        q, k, v = qkv.view(-1, 3, self.model.heads, self.model.size).unbind(1)
        keys, values = self.caches[layer]
        last = self.prompt + place
        keys[:, :, last], values[:, :, last] = k, v
        mixed = F.scaled_dot_product_attention(
            q.unsqueeze(2), keys[:, :, :last + 1], values[:, :, :last + 1])
        return mixed.view(-1, self.model.width)

    def draw(self, p):
        """The first of exponential clocks of rates p, which is Gumbel-max; torch.multinomial is slower."""
        return p.div(torch.rand_like(p).log_().neg_()).argmax(-1)

    def leave(self, live):
        rows = live.nonzero().squeeze(1)
        self.caches = [[side[rows] for side in cache] for cache in self.caches]
        return rows


def timed(work):
    """Processor seconds of the process, which has one thread: other processes disturb them less than wall time."""
    begin = time.process_time()
    result = work()
    return time.process_time() - begin, result


def square_rate():
    """Operations per second of the best of some 1024^3 products."""
    a, b, c = torch.rand(3, 1024, 1024)
    return 2 * 1024**3 / min(timed(lambda: torch.mm(a, b, out=c))[0] for _ in range(8))


def measure(size, workload, repeats, compiled):
    """Medians of alternating rollouts and updates; a round before them warms caches and memory, and compiles."""
    torch.manual_seed(1)
    loss = torch.compile(policy_loss, dynamic=False) if compiled else policy_loss
    model = Model(*SIZES[size])
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-5, betas=(0.9, 0.99), weight_decay=0, fused=True)
    sequences, length = workload.prompts * workload.samples, workload.prompt + workload.response
    samplers = {"rollout": Sampler(model, workload)}
    if not compiled:
        samplers["rollout_conventional"] = ConventionalSampler(model, workload)
    rate, figures = square_rate(), {name: [] for name in (*samplers, "update")}
    for _ in range(repeats + 1):
        prompts = torch.randint(VOCABULARY, (workload.prompts, workload.prompt))
        for name, sampler in samplers.items():
            seconds, (answers, old, _, _) = timed(lambda: sampler.generate(prompts))
            figures[name].append(sequences * workload.response / seconds)
        tokens = torch.cat([prompts.repeat_interleave(workload.samples, 0), answers], 1)
        advantages = torch.randn(sequences)
        seconds, _ = timed(lambda: update(
            loss, model, optimizer, tokens, workload.prompt, old, advantages,
            workload.micro_batch))
        figures["update"].append(sequences * length / seconds)
    return dict(size=size, workload=workload.name, sgemm=rate / 1e9,
                **{name: statistics.median(rates[1:]) for name, rates in figures.items()})


def pair_order(heads, size):
    """Rows of query and key weights that put channels i and i + half beside each other."""
    half = torch.arange(size // 2)
    head = torch.stack([half, half + size // 2], 1).flatten()
    return (torch.arange(heads)[:, None] * size + head).flatten()


def load(case):
    """The model of a fixture's case."""
    model = Model(case["width"], case["layers"], case["heads"], case["hidden"], case["vocabulary"])
    order = pair_order(model.heads, model.size)
    values = torch.arange(model.width) + 2 * model.width
    model.row_order = torch.cat([order, order + model.width, values])
    state, values = case["seed"], {}
    for tensor in case["tensors"]:
        draws = []
        for _ in range(math.prod(tensor["shape"])):
            state = (state * 1664525 + 1013904223) % 2**32
            draws.append(tensor["offset"] + tensor["scale"] * ((state >> 16) / 2**15 - 1))
        values[tensor["name"]] = torch.tensor(draws).view(tensor["shape"])
    with torch.no_grad():
        for name, (parameter, arrange) in named(model).items():
            parameter.copy_(arrange(values[name]))
    return model


def named(model):
    """Parameters by the fixture's names, with the way from its arrangement to this one's."""
    def same(x):
        return x

    def turned(x):
        return x.T

    names = {"embedding.weight": (model.embedding, same), "final_norm.weight": (model.norm, same)}
    for layer, block in enumerate(model.blocks):
        path = f"layers.{layer}"
        names |= {
            f"{path}.attention.norm.weight": (block["norm1"], same),
            f"{path}.attention.query_key_value.weight":
                (block["qkv"], lambda x: x.T[model.row_order]),
            f"{path}.attention.output.weight": (block["out"], turned),
            f"{path}.mlp.norm.weight": (block["norm2"], same),
            f"{path}.mlp.gate_up.weight": (block["gate_up"], turned),
            f"{path}.mlp.down.weight": (block["down"], turned),
        }
    return names


def check_training(case):
    """Log-probabilities, entropies and gradients of one case against the fixture, in single precision."""
    model, log_probs, entropies, loss = load(case), [], [], 0
    for sequence in case["sequences"]:
        prompt, response = sequence["prompt"], sequence["response"]
        if not response:
            continue
        tokens = torch.tensor([prompt + response])
        logits = model.training_logits(tokens[:, :-1], len(prompt) - 1)
        log_prob, entropy = scores(logits, tokens[:, len(prompt):])
        log_p = F.log_softmax(logits, -1)
        loss = loss + (log_prob * torch.tensor(sequence["log_prob_weights"])).sum()
        loss = loss - (
            (log_p.exp() * log_p).sum(-1) * torch.tensor(sequence["entropy_weights"])).sum()
        log_probs.append(log_prob[0].detach())
        entropies.append(entropy[0])
    loss.backward()
    errors = [(torch.cat(log_probs) - torch.tensor(case["log_probs"])).abs().max(),
              (torch.cat(entropies) - torch.tensor(case["entropies"])).abs().max()]
    parameters = named(model)
    for tensor in case["tensors"]:
        parameter, arrange = parameters[tensor["name"]]
        expected = arrange(torch.tensor(tensor["gradient"]).view(tensor["shape"]))
        scale = 0.1 + expected.abs().max()
        errors.append((parameter.grad - expected).abs().max() / scale)
    return float(max(errors))


def check_sampling(sampler, response, end):
    """A sampler's log-probabilities and entropies against the update's, over answers of any length."""
    torch.manual_seed(2)
    model, workload = Model(*SIZES["83k"]), Workload(5, response, 6, 4, 8)
    prompts = torch.randint(VOCABULARY, (workload.prompts, workload.prompt))
    answers, log_probs, entropies, lengths = sampler(model, workload).generate(prompts, end)
    tokens = torch.cat([prompts.repeat_interleave(workload.samples, 0), answers], 1)
    with torch.no_grad():
        logits = model.training_logits(tokens[:, :-1], workload.prompt - 1)
        expected = scores(logits, answers)
    within = torch.arange(workload.response) < lengths[:, None]
    ended = answers[torch.arange(len(lengths)), lengths - 1] == end
    whole = lengths == workload.response
    assert bool((ended | whole).all()) and not bool(((answers == end) & within).sum(1).gt(1).any())
    return max(float(((found - known) * within).abs().max())
               for found, known in zip((log_probs, entropies), expected))


def check(path):
    """Whether this is the same model as the trainer's, in words; exits with 1 where it is not."""
    with open(path) as file:
        cases = json.load(file)["cases"]
    fitting = [c for c in cases if c["heads"] == c["kv_heads"] and c["tied"] and not c["bias"]
               and c["temperature"] == 1]
    assert fitting, "no case of the peer's architecture"
    errors = [check_training(case) for case in fitting]
    errors += [check_sampling(sampler, response, end)
               for sampler in (Sampler, ConventionalSampler)
               for response in (Sampler.SHORT - 4, Sampler.SHORT + 4) for end in (-1, 3)]
    worst = max(errors)
    print(f"largest error {worst:.1e} over {len(errors)} cases")
    sys.exit(0 if worst < 2e-5 else 1)


def main(arguments):
    torch.set_num_threads(1)
    match arguments:
        case ["check", path]:
            check(path)
        case ["measure", size, repeats, *options] if size in SIZES and options in ([], ["compiled"]):
            for workload in WORKLOADS:
                figures = measure(size, workload, int(repeats), compiled=bool(options))
                print(json.dumps(figures), flush=True)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
