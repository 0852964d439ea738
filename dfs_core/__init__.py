"""Dynamic fractional skipping: for each image and block, skip, run at a few bits, or run in full.

Public names are imported when they are first used, so ``import dfs_core`` is fast and does not load torch.

>>> from dfs_core import Option
>>> Option(8).cost
0.0625
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dfs_core.checkpoints.card import Card
    from dfs_core.checkpoints.card_files import read_card
    from dfs_core.checkpoints.checkpoint import load_checkpoint
    from dfs_core.checkpoints.operating_point import OperatingPoint
    from dfs_core.checkpoints.traces import Traces
    from dfs_core.engine import compile_network
    from dfs_core.errors import UserError
    from dfs_core.evaluation.evaluate import evaluate
    from dfs_core.model.config import ModelConfig
    from dfs_core.model.cost import cost_models
    from dfs_core.model.options import Option, OptionSet
    from dfs_core.predictor import Predictor
    from dfs_core.trace import DecisionTrace
    from dfs_core.training.train import train

__version__ = "0.2.0"

__all__ = [
    "Card",
    "DecisionTrace",
    "ModelConfig",
    "OperatingPoint",
    "Option",
    "OptionSet",
    "Predictor",
    "Traces",
    "UserError",
    "__version__",
    "compile_network",
    "cost_models",
    "evaluate",
    "load_checkpoint",
    "read_card",
    "train",
]

# Public name -> the module that defines it.
_HOMES = {
    "Card": "dfs_core.checkpoints.card",
    "DecisionTrace": "dfs_core.trace",
    "ModelConfig": "dfs_core.model.config",
    "OperatingPoint": "dfs_core.checkpoints.operating_point",
    "Option": "dfs_core.model.options",
    "OptionSet": "dfs_core.model.options",
    "Predictor": "dfs_core.predictor",
    "Traces": "dfs_core.checkpoints.traces",
    "UserError": "dfs_core.errors",
    "compile_network": "dfs_core.engine",
    "cost_models": "dfs_core.model.cost",
    "evaluate": "dfs_core.evaluation.evaluate",
    "load_checkpoint": "dfs_core.checkpoints.checkpoint",
    "read_card": "dfs_core.checkpoints.card_files",
    "train": "dfs_core.training.train",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
