"""The forward pass of the public DFS code, written down a second time and as plainly as can be, to check ours against.

It knows nothing of ``dfs_core``. Every option runs on every image, one image's choice is picked out at the end, and the
state dict is read under the keys that the public code saves. Run as a script, it records ``reference_small.npz``:

    python tests/reference_forward.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

State = dict[str, Tensor]

RECORDING = Path(__file__).with_name("reference_small.npz")
OPTIONS: dict[int, tuple[int, ...]] = {  # by the number of rows of the gate's last layer; 0 is skip, 32 is full
    7: (0, 8, 10, 12, 14, 16, 32),
    4: (0, 8, 16, 32),
    2: (0, 32),
}


def forward(state: State, images: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (N, classes) and decisions (N, gated blocks) for normalised images (N, 3, 32, 32).

    Args:
        state: keys without ``module.``, float32.
        images: float32.
    """
    blocks = sum(f"group1_layer{index}.conv1.weight" in state for index in range(100))
    names = [f"group{stage}_layer{index}" for stage in (1, 2, 3) for index in range(blocks)]
    bits = OPTIONS[len(state["control.proj.weight"])]
    x = F.relu(_norm(state, "bn1", F.conv2d(images, state["conv1.weight"], padding=1)))
    hidden = cell = torch.zeros(len(images), state["control.rnn_one.weight_hh_l0"].shape[1])
    decisions = []
    for position, name in enumerate(names):
        if position == 0:
            x = _block(state, name, x, 32)
            continue
        # The gate that decides over a block is kept under the name of the block before it.
        embedding = names[position - 1].replace("layer", "gate") + ".1"
        pooled = F.adaptive_avg_pool2d(x, 1)
        embedded = F.conv2d(pooled, _square(state[f"{embedding}.weight"]), state[f"{embedding}.bias"]).flatten(1)
        hidden, cell = _lstm(state, embedded, hidden, cell)
        scores = F.linear(hidden, state["control.proj.weight"], state["control.proj.bias"])
        decision = scores.softmax(dim=1).argmax(dim=1)
        outputs = torch.stack([_block(state, name, x, width) for width in bits])
        x = outputs[decision, torch.arange(len(images))]
        decisions.append(decision)
    pooled = F.avg_pool2d(x, x.shape[-1]).flatten(1)
    return F.linear(pooled, state["fc.weight"], state["fc.bias"]), torch.stack(decisions, dim=1)


def _block(state: State, name: str, x: Tensor, bits: int) -> Tensor:
    strided = f"{name}.downsample.weight" in state
    stride = 2 if strided else 1
    shortcut = x
    if strided:
        shortcut = _norm(state, f"{name}.bn3", _conv(state, f"{name}.downsample", x, bits or 32, stride))
    if bits == 0:
        return shortcut
    out = F.relu(_norm(state, f"{name}.bn1", _conv(state, f"{name}.conv1", x, bits, stride)))
    out = _norm(state, f"{name}.bn2", _conv(state, f"{name}.conv2", out, bits, 1))
    return F.relu(out + shortcut)


def _conv(state: State, name: str, x: Tensor, bits: int, stride: int) -> Tensor:
    weight = state[f"{name}.weight"]
    if bits < 32:
        x = _round(
            x,
            float(state[f"{name}.quantize_input.running_min"]),
            float(state[f"{name}.quantize_input.running_max"]),
            bits,
        )
        weight = _round(weight, float(weight.min()), float(weight.max()), bits)
    return F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)


def _round(x: Tensor, low: float, high: float, bits: int) -> Tensor:
    step = (high - low) / (2**bits - 1)
    level = torch.round((x.clamp(low, high) - low) / step)
    return level * step + low


def _norm(state: State, name: str, x: Tensor) -> Tensor:
    mean, var, weight, bias = (state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
    return F.batch_norm(x, mean, var, weight, bias, training=False)


def _lstm(state: State, x: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    part = {name: state[f"control.rnn_one.{name}_l0"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    gates = F.linear(x, part["weight_ih"], part["bias_ih"]) + F.linear(hidden, part["weight_hh"], part["bias_hh"])
    let_in, forget, candidate, let_out = gates.chunk(4, dim=1)
    cell = forget.sigmoid() * cell + let_in.sigmoid() * candidate.tanh()
    return let_out.sigmoid() * cell.tanh(), cell


def _square(weight: Tensor) -> Tensor:
    return weight.reshape(*weight.shape[:2], 1, 1)


def random_state(blocks: int, classes: int, options: int, seed: int = 0) -> State:
    """A state dict with the keys and shapes of the public code, ``blocks`` a stage; all values fit float16."""
    generator = torch.Generator().manual_seed(seed)
    state: State = {}

    def normal(*shape: int, spread: float) -> Tensor:
        return (torch.randn(shape, generator=generator) * spread).half().float()

    def uniform(*shape: int, low: float, high: float) -> Tensor:
        return (torch.rand(shape, generator=generator) * (high - low) + low).half().float()

    def add_conv(name: str, outputs: int, inputs: int, size: int) -> None:
        state[f"{name}.weight"] = normal(outputs, inputs, size, size, spread=(2 / (inputs * size * size)) ** 0.5)
        state[f"{name}.quantize_input.running_min"] = uniform(1, low=-0.1, high=0.05)
        state[f"{name}.quantize_input.running_max"] = uniform(1, low=2.0, high=4.0)

    def add_norm(name: str, channels: int) -> None:
        state[f"{name}.weight"] = uniform(channels, low=0.6, high=1.1)
        state[f"{name}.bias"] = normal(channels, spread=0.1)
        state[f"{name}.running_mean"] = normal(channels, spread=0.1)
        state[f"{name}.running_var"] = uniform(channels, low=0.6, high=1.4)
        state[f"{name}.num_batches_tracked"] = torch.tensor(7)

    add_conv("conv1", 16, 3, 3)
    add_norm("bn1", 16)
    inputs = 16
    for stage, width in enumerate((16, 32, 64), start=1):
        for index in range(blocks):
            name, gate = f"group{stage}_layer{index}", f"group{stage}_gate{index}.1"
            add_conv(f"{name}.conv1", width, inputs, 3)
            add_norm(f"{name}.bn1", width)
            add_conv(f"{name}.conv2", width, width, 3)
            add_norm(f"{name}.bn2", width)
            add_norm(f"{name}.bn3", width)
            if stage > 1 and index == 0:
                add_conv(f"{name}.downsample", width, inputs, 1)
                for key in ("weight", "quantize_input.running_min", "quantize_input.running_max"):
                    state[f"group{stage}_ds0.{key}"] = state[f"{name}.downsample.{key}"]
            state[f"{gate}.weight"] = normal(10, width, 1, 1, spread=1.5)
            state[f"{gate}.bias"] = normal(10, spread=0.3)
            inputs = width
    for key, shape in (("weight_ih", (40, 10)), ("weight_hh", (40, 10)), ("bias_ih", (40,)), ("bias_hh", (40,))):
        state[f"control.rnn_one.{key}_l0"] = normal(*shape, spread=0.8)
    state["control.proj.weight"] = normal(options, 10, spread=4.0)
    state["control.proj.bias"] = normal(options, spread=0.3)
    state["fc.weight"], state["fc.bias"] = normal(classes, inputs, spread=0.3), normal(classes, spread=0.1)
    return state


def record(path: Path = RECORDING, images: int = 16) -> None:
    """Write a small case: state, images (of whole grey levels), logits and decisions."""
    state = random_state(blocks=1, classes=10, options=7, seed=40)  # a seed whose decisions vary
    levels = np.random.default_rng(0).integers(0, 256, (images, 3, 8, 8), dtype=np.uint8)
    logits, decisions = forward(state, network_input(levels))
    halves = {f"state/module.{key}": value.numpy().astype("f2" if value.ndim else "i8") for key, value in state.items()}
    arrays = {"levels": levels, "logits": logits.numpy(), "decisions": decisions.numpy().astype("u1")}
    np.savez_compressed(path, **halves, **arrays)


def network_input(levels: np.ndarray) -> Tensor:
    """From coarse grey levels, uint8 (N, 3, 8, 8), to what the network takes, float32 (N, 3, 32, 32)."""
    coarse = torch.from_numpy(levels).float() / 64 - 2
    return F.interpolate(coarse, scale_factor=4, mode="nearest")


if __name__ == "__main__":
    torch.set_num_threads(1)
    record()
