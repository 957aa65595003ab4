"""The update step and the decoding of `exp-trainer bench --gpu` in PyTorch: the peer of `make bench-cuda`.

Weights are fp32 and multiply as bf16, activations are bf16, AdamW is fused, attention is what
scaled_dot_product_attention finds best. In the update the last block and the head see the rows of scored tokens only,
as in the trainer. Decoding keeps keys and values of every row; the query heads that share a key head are rows of one
query, so that keys are read once.

  pytorch_peer.py eager|compiled REPORT    print a line of JSON; REPORT: what `exp-trainer bench --gpu --json` wrote
  pytorch_peer.py check                    decoding against the update, small, on the processor
"""
import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F

BF16 = torch.bfloat16


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def timed(device, work):
    """Wall seconds from an idle device to an idle device."""
    wait(device)
    begin = time.perf_counter()
    work()
    wait(device)
    return time.perf_counter() - begin


def median(device, repeats, work):
    work()
    return statistics.median(timed(device, work) for _ in range(repeats))


class Model:
    """A decoder-only transformer: RMSNorm, rotary positions, grouped-query attention, SwiGLU, tied embeddings."""

    def __init__(self, shape, vocabulary, context, device, dtype=BF16):
        self.width, self.heads = shape["width"], shape["heads"]
        self.key_heads, self.size = shape["kv_heads"], shape["width"] // shape["heads"]
        self.device, self.dtype = device, dtype
        self.groups = self.heads // self.key_heads
        row = (self.heads + 2 * self.key_heads) * self.size

        def matrix(outputs, inputs):
            drawn = torch.rand(outputs, inputs, device=device) * 2 - 1
            return (drawn * (0.75 / self.width) ** 0.5).requires_grad_()

        def vector(count, value):
            return torch.full((count,), float(value), device=device).requires_grad_()

        self.embedding, self.norm = matrix(vocabulary, self.width), vector(self.width, 1)
        self.blocks = [
            dict(norm1=vector(self.width, 1), qkv=matrix(row, self.width), bias=vector(row, 0),
                 out=matrix(self.width, self.width), norm2=vector(self.width, 1),
                 gate_up=matrix(2 * shape["hidden"], self.width), down=matrix(self.width, shape["hidden"]))
            for _ in range(shape["layers"])
        ]
        half = self.size // 2
        angles = torch.arange(context)[:, None] * 10000.0 ** (-torch.arange(half) / half)
        self.cosines = angles.cos().repeat(1, 2).to(device, dtype)
        self.sines = torch.cat([-angles.sin(), angles.sin()], 1).to(device, dtype)

    def parameters(self):
        return [self.embedding, self.norm] + [w for block in self.blocks for w in block.values()]

    def rounded(self):
        """The weights as products read them; gradients go back to the fp32 ones."""
        return (self.embedding.to(self.dtype), self.norm.to(self.dtype),
                [{name: w.to(self.dtype) for name, w in block.items()} for block in self.blocks])

    def rms_norm(self, x, weight):
        return F.rms_norm(x, (self.width,), weight, 1e-6)

    def rotate(self, x, cosines, sines):
        """x: ..., heads, channels; channel i of a head pairs with i + half."""
        return x * cosines + x.roll(self.size // 2, -1) * sines

    def queries_keys_values(self, block, x, cosines, sines):
        qkv = F.linear(self.rms_norm(x, block["norm1"]), block["qkv"], block["bias"])
        qkv = qkv.unflatten(-1, (-1, self.size))
        turned, values = qkv.split([self.heads + self.key_heads, self.key_heads], -2)
        turned = self.rotate(turned, cosines, sines)
        queries, keys = turned.split([self.heads, self.key_heads], -2)
        return queries, keys, values

    def finish(self, block, x, mixed):
        x = x + F.linear(mixed, block["out"])
        gate, up = F.linear(self.rms_norm(x, block["norm2"]), block["gate_up"]).chunk(2, -1)
        return x + F.linear(F.silu(gate) * up, block["down"])

    def states(self, weights, tokens, first, keep=None):
        """Final states from position `first` on but the last; `keep` gets each block's keys and values."""
        embedding, norm, blocks = weights
        length = tokens.shape[1]
        cosines, sines = self.cosines[:length, None], self.sines[:length, None]
        x = F.embedding(tokens, embedding)
        for index, block in enumerate(blocks):
            q, k, v = (part.transpose(1, 2) for part in self.queries_keys_values(block, x, cosines, sines))
            if keep:
                keep(index, k, v)
            mixed = F.scaled_dot_product_attention(
                q, k, v, is_causal=True, enable_gqa=self.groups > 1).transpose(1, 2).flatten(2)
            if block is blocks[-1]:
                x, mixed = x[:, first:], mixed[:, first:]
            x = self.finish(block, x, mixed)
        return self.rms_norm(x, norm)

    def decode(self, weights, cache, tokens, position, mask):
        """Logits behind one more token per row, at `position`; with a mask the whole cache is read, else what is filled."""
        embedding, norm, blocks = weights
        cosines, sines = self.cosines[position], self.sines[position]
        if mask is None:
            cosines, sines = cosines[None], sines[None]
        x = F.embedding(tokens, embedding)
        for block, (keys, values) in zip(blocks, cache):
            q, k, v = self.queries_keys_values(block, x, cosines, sines)
            if mask is None:
                keys[:, :, position], values[:, :, position] = k, v
                k, v = keys[:, :, :position + 1], values[:, :, :position + 1]
            else:
                k = keys.index_copy_(2, position, k.unsqueeze(2))
                v = values.index_copy_(2, position, v.unsqueeze(2))
            q = q.unflatten(1, (self.key_heads, self.groups))
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
            x = self.finish(block, x, mixed.flatten(1))
        return F.linear(self.rms_norm(x, norm), embedding).float()


def scored_loss(model, tokens, prompt, slopes):
    """The sum of slopes times log-probabilities of the tokens behind the prompt."""
    weights = model.rounded()
    states = model.states(weights, tokens, prompt - 1)[:, :-1]
    logits = F.linear(states, weights[0]).float()
    log_probs = -F.cross_entropy(logits.flatten(0, 1), tokens[:, prompt:].flatten(), reduction="none")
    return (log_probs * slopes).sum()


def update_seconds(model, report, vocabulary, kind):
    work, device = report["workload"]["update"], model.device
    length = work["prompt"] + work["response"]
    tokens = torch.randint(vocabulary, (work["sequences"], length), device=device)
    scored = work["micro_batch"] * work["response"]
    slopes = (torch.arange(scored, device=device) % 3 - 1) / scored
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1e-5, betas=(0.9, 0.99), weight_decay=0, fused=device == "cuda")
    loss = torch.compile(scored_loss, dynamic=False) if kind == "compiled" else scored_loss
    batches = tokens.split(work["micro_batch"])
    half = (len(batches) + 1) // 2

    def learn():
        for part in (batches[:half], batches[half:]):
            optimizer.zero_grad(set_to_none=True)
            for batch in part:
                loss(model, batch, work["prompt"], slopes[:batch.shape[0] * work["response"]]).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

    return median(device, report["workload"]["repeats"], learn)


def draw(logits):
    """Tokens by exponential clocks, which wait for nothing, their log-probabilities and the entropies."""
    log_p = F.log_softmax(logits, -1)
    p = log_p.exp()
    tokens = (p / torch.empty_like(p).exponential_()).argmax(-1)
    return tokens, log_p.gather(-1, tokens[:, None]).squeeze(-1), -(p * log_p).sum(-1)


def new_cache(model, rows, length):
    shape = (rows, model.key_heads, length, model.size)
    return [[torch.zeros(shape, device=model.device, dtype=model.dtype) for _ in range(2)] for _ in model.blocks]


def read_prompts(model, weights, prompts, cache):
    """Fills the cache; returns the logits behind the prompts."""
    rows = max(1, 16384 // prompts.shape[1])
    logits = []
    for start in range(0, prompts.shape[0], rows):
        def keep(index, k, v):
            for target, part in zip(cache[index], (k, v)):
                target[start:start + k.shape[0], :, :prompts.shape[1]] = part

        states = model.states(weights, prompts[start:start + rows], prompts.shape[1] - 1, keep)
        logits.append(F.linear(states[:, -1], weights[0]).float())
    return torch.cat(logits)


@torch.no_grad()
def step_seconds(model, report, vocabulary, kind):
    work, device = report["workload"]["decode"], model.device
    rows, length = work["rows"], work["prompt"] + work["long"]
    prompts = torch.randint(vocabulary, (rows, work["prompt"]), device=device)
    weights = model.rounded()
    cache = new_cache(model, rows, length)
    places = torch.arange(length, device=device)

    def eager(tokens, position):
        return draw(model.decode(weights, cache, tokens, position, None))

    def masked(tokens, position):
        mask = (places <= position).expand(rows, 1, 1, length)
        return draw(model.decode(weights, cache, tokens, position, mask))

    step = torch.compile(masked, mode="reduce-overhead", dynamic=False) if kind == "compiled" else eager

    def decode():
        tokens, *_ = draw(read_prompts(model, weights, prompts, cache))
        drawn = []
        for count in range(1, work["long"]):
            position = work["prompt"] + count - 1
            if count == work["short"]:
                wait(device)
                begin = time.perf_counter()
            if kind == "compiled":
                torch.compiler.cudagraph_mark_step_begin()
                tokens, *scores = (part.clone() for part in step(tokens, places[position:position + 1]))
            else:
                tokens, *scores = step(tokens, position)
            drawn.append(scores)
        wait(device)
        return (time.perf_counter() - begin) / (work["long"] - work["short"])

    decode()
    return statistics.median(decode() for _ in range(report["workload"]["repeats"]))


def measure(kind, report, device="cuda"):
    torch.manual_seed(1)
    result, work = report["results"][0], report["workload"]
    context = max(work["update"]["prompt"] + work["update"]["response"],
                  work["decode"]["prompt"] + work["decode"]["long"])
    size = work["product_size"]
    a, b = torch.randn(2, size, size, device=device).to(BF16)
    out = torch.empty_like(a)

    def products():
        for _ in range(10):
            torch.mm(a, b, out=out)

    rate = 10 * 2 * size**3 / median(device, work["repeats"], products)
    del a, b, out
    model = Model(result["shape"], result["vocabulary"], context, device)
    step = step_seconds(model, report, result["vocabulary"], kind)
    update = update_seconds(model, report, result["vocabulary"], kind)
    return dict(version=torch.__version__, product_flops_per_second=rate, update_seconds=update, step_seconds=step)


@torch.no_grad()
def check():
    """Whether decoding, both ways, gives the logits that the update computes."""
    torch.manual_seed(1)
    shape = dict(width=32, layers=2, heads=4, kv_heads=2, hidden=48)
    model = Model(shape, 20, 12, "cpu", torch.float32)
    weights, tokens = model.rounded(), torch.randint(20, (3, 12))
    expected = F.linear(model.states(weights, tokens, 0), weights[0])
    worst = 0.0
    for is_masked in (False, True):
        cache = new_cache(model, 3, 12)
        worst = max(worst, float((read_prompts(model, weights, tokens[:, :5], cache) - expected[:, 4]).abs().max()))
        for place in range(5, 12):
            position, mask = place, None
            if is_masked:
                position = torch.tensor([place])
                mask = (torch.arange(12) <= position).expand(3, 1, 1, 12)
            logits = model.decode(weights, cache, tokens[:, place], position, mask)
            worst = max(worst, float((logits - expected[:, place]).abs().max()))
    print(f"largest difference {worst:.1e}")
    sys.exit(0 if worst < 1e-5 else 1)


def main(arguments):
    match arguments:
        case ["check"]:
            check()
        case ["eager" | "compiled" as kind, path]:
            with open(path) as file:
                print(json.dumps(measure(kind, json.load(file))))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
