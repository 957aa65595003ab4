"""Golden vectors from the functions of verl and TRL themselves: writes verl.json and trl.json beside this file.

Inputs are random; what is masked holds junk on purpose. Gradients come from automatic differentiation of the
peers' functions. `pip install --no-deps verl==0.6.1`, the rest of requirements.txt as usual.
"""
import importlib.machinery
import importlib.metadata
import importlib.util
import json
import pathlib
import sys
import types
from unittest.mock import MagicMock

# Packages that the peers import at their top and that none of the functions called here uses.
UNUSED = {
    "codetiming", "deepspeed", "hydra", "liger_kernel", "llm_blender", "mergekit", "omegaconf",
    "peft", "ray", "tensordict", "vllm", "weave",
}


class Unused:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in UNUSED:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = MagicMock(name=spec.name)
        module.__path__ = []
        module.__spec__ = spec
        module.__name__ = spec.name
        return module

    def exec_module(self, module):
        pass


sys.meta_path.insert(0, Unused())
# verl's own __init__ starts a whole training stack; the module of algorithms does without it.
verl = types.ModuleType("verl")
verl.__path__ = list(importlib.util.find_spec("verl").submodule_search_locations)
sys.modules["verl"] = verl

import torch  # noqa: E402
from trl import DPOTrainer, GRPOTrainer  # noqa: E402
from verl.trainer.ppo import core_algos as core  # noqa: E402
from verl.utils import torch_functional as functional  # noqa: E402

generator = torch.Generator().manual_seed(20250522)


def normal(*shape, scale=1.0):
    return scale * torch.randn(*shape, generator=generator, dtype=torch.float64)


def uniform(*shape):
    return torch.rand(*shape, generator=generator, dtype=torch.float64)


def lengths_mask(rows, columns, holes=False):
    lengths = torch.randint(1, columns + 1, (rows, 1), generator=generator)
    lengths[0] = columns
    mask = torch.arange(columns)[None, :] < lengths
    if holes:
        inside = (torch.arange(columns)[None, :] > 0) & (torch.arange(columns)[None, :] < lengths - 1)
        mask = mask & ~(inside & (uniform(rows, columns) < 0.3))
    return mask.long()


def policy(rows, columns, scale, holes=False):
    mask = lengths_mask(rows, columns, holes)
    old = -normal(rows, columns).abs() - 0.01
    return {
        "old_log_prob": old, "log_prob": old + normal(rows, columns, scale=scale),
        "advantages": normal(rows, columns), "response_mask": mask,
    }


def plain(value):
    return value.tolist() if isinstance(value, torch.Tensor) else value


def case(name, inputs, params, expected, dtype="float64"):
    parts = {"inputs": inputs, "params": params, "expected": expected}
    return {"name": name, "dtype": dtype} | {
        part: {key: plain(value) for key, value in members.items()}
        for part, members in parts.items()
    }


def differentiated(loss, variable):
    return torch.autograd.grad(loss, variable)[0]


def as_mode(mode):
    return {"loss_agg_mode": mode}


class Config(types.SimpleNamespace):
    """What the policy losses read of an actor's configuration."""

    def get(self, key, default):
        return getattr(self, key, default)


def statistics():
    for rows, columns in ((3, 6), (5, 4)):
        mask, values = lengths_mask(rows, columns), normal(rows, columns, scale=3)
        yield case(
            f"B{rows}T{columns}", {"values": values, "mask": mask}, {},
            {
                "mean": functional.masked_mean(values, mask),
                "row_mean": functional.masked_mean(values, mask, axis=-1),
                "var_unbiased": functional.masked_var(values, mask),
                "var_biased": functional.masked_var(values, mask, unbiased=False),
                "whiten": functional.masked_whiten(values, mask) * mask,
                "whiten_keep_mean": functional.masked_whiten(values, mask, shift_mean=False) * mask,
            },
        )


MODES = ("token-mean", "seq-mean-token-sum", "seq-mean-token-mean", "seq-mean-token-sum-norm")


def aggregations():
    for mode in MODES:
        mask, losses = lengths_mask(4, 6), normal(4, 6)
        if mode.startswith("seq-mean-token-sum"):
            mask[2] = 0
        yield case(
            mode, {"loss_mat": losses, "loss_mask": mask}, {"mode": mode},
            {"loss": core.agg_loss(losses, mask, mode)},
        )


def rewards(groups, columns, kind):
    rows = len(groups)
    mask = lengths_mask(rows, columns)
    matrix = torch.zeros(rows, columns, dtype=torch.float64)
    scores = {
        "binary": (uniform(rows) < 0.5).double(), "soft": uniform(rows),
        "flat": torch.full((rows,), 0.1, dtype=torch.float64),
    }[kind]
    matrix[torch.arange(rows), mask.sum(-1) - 1] = scores
    return {"token_level_rewards": matrix, "response_mask": mask}


SHAPES = (([0, 0, 0, 0, 1, 1, 1, 1], "binary"), ([3, 1, 3, 2, 2, 3, 2], "soft"), ([0, 0, 1, 1], "flat"))


def grouped(kinds):
    for groups, kind in SHAPES:
        for name, call in kinds.items():
            inputs = rewards(groups, 5, kind)
            advantages, params = call(inputs, groups)
            yield case(
                f"{name}{kind}", inputs | {"index": torch.tensor(groups)}, params,
                {"advantages": advantages},
            )


def grpo(scales):
    def call(inputs, groups):
        advantages, _ = core.compute_grpo_outcome_advantage(
            index=groups, norm_adv_by_std_in_grpo=scales, **inputs)
        return advantages, {"epsilon": 1e-6, "norm_adv_by_std": scales}
    return call


def rloo(inputs, groups):
    return core.compute_rloo_outcome_advantage(index=groups, **inputs)[0], {}


def reinforce_pp_baseline(inputs, groups):
    # Equal rewards other than 0 leave a rounding error in the peer, which whitening makes large.
    if len(set(inputs["token_level_rewards"].sum(-1).tolist())) == 1:
        inputs["token_level_rewards"] = 0 * inputs["token_level_rewards"]
    advantages, _ = core.compute_reinforce_plus_plus_baseline_outcome_advantage(
        index=groups, **inputs)
    return advantages, {}


def reinforce_pp():
    for gamma in (1.0, 0.9):
        inputs = rewards([0] * 5, 6, "soft")
        inputs["token_level_rewards"] += 0.1 * normal(5, 6) * inputs["response_mask"]
        advantages, returns = core.compute_reinforce_plus_plus_outcome_advantage(
            config=Config(gamma=gamma), **inputs)
        yield case(
            f"gamma{gamma}", inputs, {"gamma": gamma},
            {"advantages": advantages, "returns": returns},
        )


def remax():
    inputs = rewards([0] * 4, 5, "binary") | {"reward_baselines": uniform(4)}
    advantages, returns = core.compute_remax_outcome_advantage(**inputs)
    yield case("binary", inputs, {}, {"advantages": advantages, "returns": returns})


def generalized_advantages():
    for holes, gamma, lam in ((False, 0.98, 0.95), (True, 1.0, 0.9)):
        mask = lengths_mask(5, 9, holes)
        inputs = {
            "token_level_rewards": normal(5, 9) * mask, "values": normal(5, 9),
            "response_mask": mask,
        }
        advantages, returns = core.compute_gae_advantage_return(gamma=gamma, lam=lam, **inputs)
        yield case(
            "holes" if holes else "rows", inputs, {"gamma": gamma, "lam": lam},
            {"advantages_whitened": advantages * mask, "returns": returns * mask},
        )


def value_losses():
    for clip, mode in ((0.5, "token-mean"), (0.2, "seq-mean-token-mean")):
        mask, values = lengths_mask(4, 6), normal(4, 6)
        predictions = (values + normal(4, 6, scale=0.5)).requires_grad_()
        inputs = {"vpreds": predictions, "returns": normal(4, 6), "values": values,
                  "response_mask": mask}
        loss, fraction = core.compute_value_loss(
            cliprange_value=clip, **inputs, **as_mode(mode))
        yield case(
            f"clip{clip}", inputs, {"clip": clip} | as_mode(mode),
            {"loss": loss, "clip_fraction": fraction,
             "grad_vpreds": differentiated(loss, predictions)},
        )


def policy_case(name, function, inputs, params, config, mode, expect):
    inputs["log_prob"].requires_grad_()
    loss, metrics = function(
        inputs["old_log_prob"], inputs["log_prob"], inputs["advantages"],
        inputs["response_mask"], mode, config)
    expected = {"loss": loss, "grad_log_prob": differentiated(loss, inputs["log_prob"])}
    return case(name, inputs, params | as_mode(mode), expected | expect(metrics))


def vanilla():
    settings = ((0.2, 0.2, 3.0, "token-mean", 0.3), (0.2, 0.28, 1.5, "seq-mean-token-mean", 1.0),
                (0.1, 0.4, 10.0, "seq-mean-token-sum-norm", 1.0), (0.2, 0.2, 3.0, "token-mean", 0.0))
    for low, high, dual, mode, scale in settings:
        config = Config(
            clip_ratio=0.2, clip_ratio_low=low, clip_ratio_high=high, clip_ratio_c=dual)
        yield policy_case(
            f"{low}-{high}-{dual}-{mode}-{scale}", core.compute_policy_loss_vanilla,
            policy(4, 7, scale, holes=scale == 1), {"clip_low": low, "clip_high": high, "dual_clip_c": dual},
            config, mode,
            lambda metrics: {
                "clip_fraction": metrics["actor/pg_clipfrac"],
                "clip_fraction_lower": metrics["actor/pg_clipfrac_lower"],
                "approx_kl": metrics["actor/ppo_kl"]})


def covariances(inputs):
    mask = inputs["response_mask"]
    return (inputs["advantages"] - functional.masked_mean(inputs["advantages"], mask)) * (
        inputs["log_prob"] - functional.masked_mean(inputs["log_prob"], mask))


def clip_cov():
    settings = ((1.0, 0.5, 5.0, 1.0, "token-mean"), (0.05, 0.2, 5.0, 0.2, "seq-mean-token-mean"),
                (0.1, 50.0, 99.0, 1.0, "token-mean"))
    for ratio, low, high, clip, mode in settings:
        inputs = policy(5, 8, 0.3)
        # The peer draws with torch.randperm: the same seed draws the same tokens here.
        with torch.no_grad():
            inputs_ratio = torch.exp(inputs["log_prob"] - inputs["old_log_prob"])
            advantages, mask = inputs["advantages"], inputs["response_mask"]
            stopped = -advantages * inputs_ratio.clamp(1 - clip, 1 + clip) > -advantages * inputs_ratio
            cov = covariances(inputs)
            eligible = (cov > low) & (cov < high) & (mask > 0) & ~stopped
            candidates = torch.nonzero(eligible)
        count = max(int(ratio * int(mask.sum())), 1)
        torch.manual_seed(7)
        chosen = candidates[torch.randperm(len(candidates))[:count]] if len(candidates) else candidates
        torch.manual_seed(7)
        config = Config(
            clip_ratio=0.2, clip_ratio_low=clip, clip_ratio_high=clip,
            policy_loss=Config(clip_cov_ratio=ratio, clip_cov_lb=low, clip_cov_ub=high))
        yield policy_case(
            f"r{ratio}-lb{low}", core.compute_policy_loss_clip_cov, inputs,
            {"clip_low": clip, "clip_high": clip, "clip_cov_ratio": ratio, "clip_cov_lb": low,
             "clip_cov_ub": high}, config, mode,
            lambda metrics: {
                "num_tokens": int(mask.sum()), "clip_num": count, "candidates": candidates,
                "selected": torch.tensor(sorted(chosen.tolist())).reshape(-1, 2),
                "selection_forced": len(candidates) <= count,
                "clip_fraction": metrics["actor/pg_clipfrac"],
                "approx_kl": metrics["actor/ppo_kl"]})


def kl_cov():
    for ratio, coefficient, mode, scale in (
            (0.1, 1.0, "token-mean", 0.3), (0.0002, 1.0, "token-mean", 0.3),
            (0.3, 0.1, "seq-mean-token-mean", 0.3), (0.3, 1.0, "token-mean", 0.0)):
        inputs = policy(6, 9, scale)
        valid = inputs["response_mask"] > 0
        places = torch.nonzero(valid)
        count = max(1, int(len(places) * ratio))
        selected = places[torch.topk(covariances(inputs)[valid], count).indices]
        config = Config(
            policy_loss=Config(kl_cov_ratio=ratio, ppo_kl_coef=coefficient))
        yield policy_case(
            f"k{ratio}-beta{coefficient}-{scale}", core.compute_policy_loss_kl_cov, inputs,
            {"kl_cov_ratio": ratio, "kl_coef": coefficient}, config, mode,
            lambda metrics: {
                "num_tokens": len(places), "num_selected": count,
                "selected": torch.tensor(sorted(selected.tolist())),
                "mean_abs_log_ratio": metrics["actor/ppo_kl"]})


def kl_penalties():
    for kind in ("k1", "k2", "k3", "abs", "low_var_kl"):
        for scale in (0.3, 4.0):
            ref = -normal(2, 5).abs()
            log_prob = (ref + normal(2, 5, scale=scale)).requires_grad_()
            kl = core.kl_penalty(log_prob, ref, kind)
            yield case(
                f"{kind}-{scale}", {"log_prob": log_prob, "ref_log_prob": ref}, {"kind": kind},
                {"kl": kl, "grad_sum_wrt_log_prob": differentiated(kl.sum(), log_prob)})


def controllers():
    controller = core.AdaptiveKLController(0.1, 0.5, 2000)
    updates, values = [], []
    for kl, count in ((0.9, 64), (0.01, 64), (0.52, 32)):
        controller.update(kl, count)
        updates.append({"kl": kl, "n_steps": count})
        values.append(controller.value)
    yield case("three", {"updates": updates},
               {"init": 0.1, "target": 0.5, "horizon": 2000}, {"values": values})


def scores():
    for temperature, vocabulary, scale in ((1.0, 7, 1.0), (0.7, 19, 4.0)):
        logits, mask = normal(2, 4, vocabulary, scale=scale).requires_grad_(), lengths_mask(2, 4)
        labels = torch.randint(vocabulary, (2, 4), generator=generator)
        scaled = logits / temperature
        entropy = functional.entropy_from_logits(scaled)
        log_probs = functional.logprobs_from_logits_naive(scaled, labels)
        token_mean = core.agg_loss(entropy, mask, "token-mean")
        yield case(
            f"V{vocabulary}", {"logits": logits, "labels": labels, "response_mask": mask},
            {"temperature": temperature},
            {
                "token_entropy": entropy, "log_prob": log_probs, "entropy_token_mean": token_mean,
                "entropy_seq_mean_token_mean": core.agg_loss(entropy, mask, "seq-mean-token-mean"),
                "grad_entropy_token_mean_wrt_logits": torch.autograd.grad(
                    token_mean, logits, retain_graph=True)[0],
                "grad_masked_sum_log_prob_wrt_logits": differentiated(
                    (log_probs * mask).sum(), logits),
            })


def preferences():
    for kind in ("sigmoid", "ipo", "hinge"):
        for beta, smoothing in ((0.1, 0.0), (0.5, 0.1)):
            chosen = normal(5, scale=12).requires_grad_()
            rejected = normal(5, scale=12).requires_grad_()
            inputs = {"policy_chosen": chosen, "policy_rejected": rejected,
                      "ref_chosen": normal(5, scale=12), "ref_rejected": normal(5, scale=12)}
            trainer = types.SimpleNamespace(
                accelerator=types.SimpleNamespace(device="cpu"), reference_free=False,
                f_divergence_type=None, f_divergence_params=None, beta=beta,
                label_smoothing=smoothing)
            losses, chosen_rewards, rejected_rewards = DPOTrainer.dpo_loss(
                trainer, *inputs.values(), loss_type=kind)
            gradients = torch.autograd.grad(losses.mean(), (chosen, rejected))
            yield case(
                f"{kind}-beta{beta}", inputs,
                {"kind": kind, "beta": beta, "label_smoothing": smoothing},
                {"losses": losses, "loss": losses.mean(), "chosen_rewards": chosen_rewards,
                 "rejected_rewards": rejected_rewards, "grad_policy_chosen": gradients[0],
                 "grad_policy_rejected": gradients[1]})


def high_entropy():
    for fraction, kind in ((0.2, "plain"), (0.5, "plain"), (0.3, "ties")):
        inputs = policy(5, 8, 0.5)
        inputs["entropy"] = (2 * uniform(5, 8)).float().double()
        if kind == "ties":
            inputs["entropy"] = (2 * inputs["entropy"]).round() / 2
        one = types.SimpleNamespace(
            pad_across_processes=lambda values, dim, pad_index: values, gather=lambda values: values)
        mask = GRPOTrainer.get_high_entropy_mask(
            types.SimpleNamespace(accelerator=one), inputs["entropy"], inputs["response_mask"],
            1 - fraction)
        inputs["log_prob"].requires_grad_()
        loss, _ = core.compute_policy_loss_vanilla(
            inputs["old_log_prob"], inputs["log_prob"], inputs["advantages"], mask.long(),
            "token-mean",
            Config(clip_ratio=0.2, clip_ratio_low=0.2, clip_ratio_high=0.28, clip_ratio_c=3.0))
        valid = inputs["entropy"][inputs["response_mask"] > 0].float()
        yield case(
            f"top{fraction}-{kind}", inputs,
            {"top_fraction": fraction, "clip_low": 0.2, "clip_high": 0.28, "dual_clip_c": 3.0},
            {"threshold": torch.quantile(valid, 1 - fraction), "selected_mask": mask.long(),
             "num_selected": int(mask.sum()), "loss_mean_over_selected": loss,
             "grad_log_prob": differentiated(loss, inputs["log_prob"])})


def group(function, peer, cases):
    return {"function": function, "peer": peer, "cases": list(cases)}


def write(name, groups):
    document = {"schema": 1, "groups": groups}
    path = pathlib.Path(__file__).with_name(name)
    path.write_text(json.dumps(document, allow_nan=False, separators=(",", ":")) + "\n")


VERL = "verl==" + importlib.metadata.version("verl")
TRL = "trl==" + importlib.metadata.version("trl")

write("verl.json", [
    group("masked_mean / masked_var / masked_whiten", VERL, statistics()),
    group("agg_loss", VERL, aggregations()),
    group("compute_grpo_outcome_advantage", VERL,
          grouped({"std-": grpo(True), "nostd-": grpo(False)})),
    group("compute_rloo_outcome_advantage", VERL, grouped({"": rloo})),
    group("compute_reinforce_plus_plus_baseline_outcome_advantage", VERL,
          grouped({"": reinforce_pp_baseline})),
    group("compute_reinforce_plus_plus_outcome_advantage", VERL, reinforce_pp()),
    group("compute_remax_outcome_advantage", VERL, remax()),
    group("compute_gae_advantage_return", VERL, generalized_advantages()),
    group("compute_value_loss", VERL, value_losses()),
    group("compute_policy_loss_vanilla (PPO clip, asymmetric clip, dual clip)", VERL, vanilla()),
    group("compute_policy_loss_clip_cov", VERL, clip_cov()),
    group("compute_policy_loss_kl_cov", VERL, kl_cov()),
    group("kl_penalty", VERL, kl_penalties()),
    group("AdaptiveKLController", VERL, controllers()),
    group("entropy_from_logits / logprobs_from_logits / compute_entropy_loss", VERL, scores()),
])
write("trl.json", [
    group("DPOTrainer.dpo_loss", TRL, preferences()),
    group("GRPOTrainer.get_high_entropy_mask, then verl compute_policy_loss_vanilla with that mask",
          f"{TRL}, {VERL}", high_entropy()),
])
