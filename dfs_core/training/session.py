"""Session checkpoints: networks whose gates were fine-tuned live. They are in memory, and on disk on request."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path

from dfs_core.checkpoints import provenance
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.card_files import read_card
from dfs_core.checkpoints.checkpoint import Checkpoint, save_checkpoint
from dfs_core.checkpoints.words import SESSION
from dfs_core.data.splits import SPLIT_SEED, asked
from dfs_core.errors import UserError
from dfs_core.evaluation.metrics import Evaluation
from dfs_core.model.network import DFSNet
from dfs_core.training.lab_run import Settings
from dfs_core.training.material import Material


def session_card(
    parent: Card,
    model: DFSNet,
    material: Material,
    measured: Evaluation,
    name: str,
    settings: Settings,
    seconds: float,
) -> Card:
    """The card of a network whose gates were fine-tuned live. Its texts say that it is not a published result.

    Args:
        parent: card of the checkpoint that it started from.
        model: the network.
        material: the images that it was trained and measured on.
        measured: its evaluation. A toy's is left out of the card: it was measured on its training images.
        name: name of the checkpoint.
        settings: settings of the run.
        seconds: duration of the run.
    """
    count = len(material.held_out)
    where = material.toy or f"Measured on {count} validation images; the test set was not looked at."
    return Card(
        name=name,
        method=SESSION,
        dataset=parent.dataset,
        classes=parent.classes,
        mean=parent.mean,
        std=parent.std,
        model=model.config.to_dict(),
        title="Gates fine-tuned live in the alpha laboratory",
        budget=settings.budget,
        alpha=settings.alpha,
        training=asdict(settings) | {"stage": "gates fine-tuned live", "start_from": parent.name},
        split={"seed": SPLIT_SEED}
        | parent.split
        | {"train": len(material.tune), "validation": 0 if material.toy else count, "asked": asked(parent.split)},
        seed=settings.seed,
        commit=provenance.commit(),
        versions=provenance.versions(),
        machine=provenance.machine(),
        wall_time_s=seconds,
        created=provenance.now(),
        metrics={} if material.toy else {"validation": measured.to_dict()},
        weights_sha256=_digest(parent, model),
        parents=(parent.name, *parent.parents),
        notes=f"Not a published result: the gates of {parent.name} were fine-tuned live for {settings.steps} steps"
        f" of {settings.batch} images, its body frozen. {where}",
    )


def keep_on_disk(checkpoint: Checkpoint, folder: Path) -> Path:
    """Write a session checkpoint to ``folder/<its name>`` and return that folder.

    Raises:
        UserError: that folder exists, would be committed by git, or cannot be written.
    """
    target = folder / checkpoint.card.name
    if _git_would_commit(target):
        raise UserError(
            f"{folder} belongs to a git repository that does not ignore it: set DFS_RUNS_DIR to another one"
        )
    if target.exists():
        raise UserError(f"{target} exists already: if it is not this checkpoint, move it away")
    try:
        return save_checkpoint(target, checkpoint.model, checkpoint.card)
    except OSError as error:
        reason = error.strerror or "no reason given"
        raise UserError(f"{folder} cannot be written ({reason}): allow it, or set DFS_RUNS_DIR") from None


def delete_from_disk(folder: Path) -> None:
    """Delete the folder of a session checkpoint.

    Raises:
        UserError: it is not the folder of a session checkpoint, or cannot be deleted.
    """
    if read_card(folder).method != SESSION:
        raise UserError(f"{folder} is not a session checkpoint, so it is not deleted here")
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be deleted: {error.strerror or error}") from None


def _git_would_commit(path: Path) -> bool:
    """Whether a path is in a git repository that does not ignore it; True if nobody can tell."""
    path = path.absolute()
    root = next((folder for folder in path.parents if (folder / ".git").exists()), None)
    if root is None:
        return False
    try:
        return subprocess.run(["git", "-C", str(root), "check-ignore", "-q", str(path)], check=False).returncode != 0
    except OSError:  # no git
        return True


def _digest(parent: Card, model: DFSNet) -> str:
    """A hash of the parent's hash and the gates: it identifies the network before it has a weights file."""
    digest = hashlib.sha256(parent.weights_sha256.encode())
    for value in model.policy.state_dict().values():
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
