"""Several processes that train one network, started by torchrun; or just this one."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import torch
from LDCTDenoiseLib.errors import InputError
from torch import distributed

#: Steps between two times that all processes get the same weights.
_ALIGNED_EVERY = 100


@dataclass(frozen=True)
class Processes:
    """Which of how many processes this is.

    Plain `torch.distributed`: the gradients of the two small networks are averaged by one all-reduce after each
    backward pass. A wrapper such as DistributedDataParallel, which Lightning Fabric uses, does not work with
    `torch.autograd.grad`, which the gradient penalty needs.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def first(self) -> bool:
        """Whether this process writes and talks."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """Return this process's part of a batch of `count`."""
        if count % self.size:
            raise InputError(f"a batch of {count} cannot be shared evenly by {self.size} processes; change 'batch'.")
        part = count // self.size
        return slice(self.rank * part, (self.rank + 1) * part)

    def average_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Replace every gradient by its mean over the processes."""
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        distributed.all_reduce(flat)
        flat /= self.size
        for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    @torch.no_grad()
    def align(self, parameters: Iterable[torch.nn.Parameter], step: int) -> None:
        """Every hundred steps give every process the weights of the first: devices of two kinds round differently."""
        if self.size == 1 or step % _ALIGNED_EVERY:
            return
        parameters = list(parameters)
        flat = torch.cat([p.flatten() for p in parameters])
        distributed.broadcast(flat, 0)
        for parameter, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            parameter.copy_(part.view_as(parameter))

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        """Return the mean of a tensor over the processes."""
        if self.size > 1:
            value = value.clone()
            distributed.all_reduce(value)
            value /= self.size
        return value

    def wait_for_all(self) -> None:
        """Return when every process has come here."""
        if self.size > 1:
            distributed.barrier()

    def leave(self) -> None:
        """End the group."""
        if self.size > 1 and distributed.is_initialized():
            distributed.destroy_process_group()


def join_processes(cuda: bool) -> Processes:
    """Join the other processes when torchrun started this one, else stay alone."""
    if "TORCHELASTIC_RUN_ID" not in os.environ or os.environ.get("WORLD_SIZE", "1") == "1":
        return Processes()
    # The others wait while one reads all scans.
    distributed.init_process_group("nccl" if cuda else "gloo", timeout=timedelta(hours=6))
    return Processes(distributed.get_rank(), distributed.get_world_size(), int(os.environ["LOCAL_RANK"]))
