"""Hashes of the point {countdown [3,4], 83k, grpo, clip_cov, learning rate rule, seed 7}, written out by hand."""
import hashlib
import json


def canonical(document):
    # RFC 8785 for what occurs here: ASCII keys, and numbers that Python prints as ECMAScript does.
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


width, layers, heads, hidden = 48, 3, 3, 128
params = layers * (4 * width * width + 3 * width * hidden + 2 * width)
assert params == 83232

task = {"name": "countdown", "numbers": [3, 4], "max_target": 99, "slip_probability": 0.2,
        "working": False}
model = {
    "width": width, "layers": layers, "heads": heads, "kv_heads": heads, "hidden": hidden,
    "tied_embeddings": True, "qkv_bias": False, "params": params,
}
base = {
    "steps": 1200, "batch_size": 128, "learning_rate": 0.003, "warmup_steps": 50,
    "final_learning_rate_fraction": 0.1, "weight_decay": 0.01, "beta1": 0.9, "beta2": 0.95,
    "max_grad_norm": 1, "seed": 0,
}
train = {
    "algorithm": "grpo",
    "entropy_control": {
        "method": "clip_cov", "token_fraction": 0.02, "covariance_low": 1, "covariance_high": 5,
    },
    "steps": 160, "prompts_per_step": 128, "samples_per_prompt": 8, "updates_per_rollout": 2,
    "micro_batch_size": 128, "learning_rate": 0.00025, "weight_decay": 0, "beta1": 0.9,
    "beta2": 0.99, "max_grad_norm": 1, "clip_ratio_low": 0.2, "clip_ratio_high": 0.2,
    "scale_by_std": True, "loss_aggregation": "token_mean", "filter_groups": True,
    "temperature": 1, "top_p": 1, "reward": "exact", "epochs_per_rollout": 1,
    "max_response_tokens": 0, "overlong_buffer": 0, "overlong_factor": 1, "reference_ema": 0,
    "dual_clip_ratio": 0, "filter_accuracy_low": 0, "filter_accuracy_high": 1,
    "refill_groups": False, "normalize_advantages": False, "normalize_rewards": False,
    "reward_kl_coefficient": 0, "reward_kl_target": 0, "reward_kl_horizon": 10000,
}
evaluate = {"every": 4, "prompts": 1024, "samples": 4, "greedy": True, "keep": 8}

base_config = {"task": task, "model": model, "base": base}
config = {**base_config, "train": train, "evaluate": evaluate, "seed": 7}
for document in (config, base_config):
    print(hashlib.sha256(canonical(document).encode()).hexdigest())
