"""Lightning callbacks that we add to NequIP's trainer."""

from __future__ import annotations

import json
import math
import signal
import time
from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from cuprolith.staged_file import StagedFile
from training.nequip_runs.nequip_config import RUN_FACTS


class EpochRecord(Callback):
    """Logs learning rate and seconds of training, resumed runs included, once per epoch."""

    def __init__(self) -> None:
        self._before = 0.0
        self._started = 0.0

    @property
    def seconds(self) -> float:
        """Seconds of training so far."""
        return self._before + time.monotonic() - self._started

    def state_dict(self) -> dict[str, Any]:
        """Return the seconds so far, for the checkpoint."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the seconds of the run that wrote the checkpoint."""
        self._before = state_dict["seconds"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log, beside the losses of the epoch."""
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        pl_module.log_dict({"seconds": self.seconds, "learning_rate": rate})


class FiniteLoss(Callback):
    """Ends the training at the first loss that is not a finite number.

    Weights are worthless from there on, and must not reach the checkpoint that a restart uses.
    """

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Check the batch's loss.

        Raises
        ------
        FloatingPointError
            If it is not finite.
        """
        loss = float(outputs["loss"])
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"the training loss is {loss} in epoch {trainer.current_epoch}, batch {batch_idx}"
            )


class ResumedShuffling(Callback):
    """Lets a resumed run draw frames in the same order as an uninterrupted one.

    Lightning restores the data module's state after its `setup`, where NequIP has already made
    the generator from the state it had then.
    """

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the restored state into the generator that the data loader holds."""
        data: Any = trainer.datamodule
        data.train_generator.set_state(data.train_generator_state)


class EndsOnSigterm(Callback):
    """Lets SIGTERM end one of several processes immediately, like any other program.

    Lightning's handler broadcasts from wherever the process is. The others may be in another
    exchange at that moment, and all would wait for each other forever.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Replace Lightning's handler."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


class RunFacts(Callback):
    """Writes ``run.json``: number of weights, device, and whether the training finished.

    A trainer that gets SIGTERM also ends with exit code 0.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the number of weights and the device."""
        self._write(trainer, pl_module, finished=False)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note that all epochs, or all the time, were used."""
        self._write(trainer, pl_module, finished=True)

    @staticmethod
    def _write(trainer: Trainer, pl_module: LightningModule, *, finished: bool) -> None:
        if not trainer.is_global_zero:
            return
        model: Any = pl_module.model
        device = pl_module.device
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
        facts = {
            "n_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
            "device": name if trainer.world_size == 1 else f"{trainer.world_size} x {name}",
            "finished": finished,
        }
        with StagedFile(Path(RUN_FACTS)) as file:
            file.write(json.dumps(facts, indent=1).encode() + b"\n")
            file.commit()
