"""Which of how many processes this is, as torchrun says it in the environment."""

import os
from dataclasses import dataclass

from ..errors import InputError
from ..requirements import require


@dataclass(frozen=True)
class Processes:
    """Which of how many processes this is; they talk through the ledger only, so there is no group to join."""

    #: Among all processes of all machines.
    rank: int = 0
    size: int = 1
    local_rank: int = 0  #: Among those of this machine.

    @classmethod
    def of_environment(cls) -> "Processes":
        """Read RANK, WORLD_SIZE and LOCAL_RANK; without them this process is alone."""
        try:
            size = int(os.environ.get("WORLD_SIZE", "1"))
            rank = int(os.environ.get("RANK", "0")) if size > 1 else 0
            local_rank = int(os.environ.get("LOCAL_RANK", "0")) if size > 1 else 0
        except ValueError as error:
            raise InputError("RANK, WORLD_SIZE and LOCAL_RANK of the environment must be whole numbers.") from error
        if not 0 <= rank < max(size, 1):
            raise InputError(f"RANK {rank} of the environment is not below WORLD_SIZE {size}.")
        return cls(rank, size, local_rank)

    def device(self, choice: str) -> str:
        """Return the device for this process: with several and CUDA, each has the card of its local rank."""
        if self.size == 1 or choice.lower() not in ("auto", "cuda"):
            return choice
        cuda = require("torch", "compute with networks").cuda
        return f"cuda:{self.local_rank % cuda.device_count()}" if cuda.is_available() else choice

    def in_turn(self, items: list) -> list:
        """Return all items, this process's even share first, so that processes rarely want the same one."""
        share = items[self.rank :: self.size]
        if self.size == 1:
            return share
        # Where another begins last is where help is needed first.
        others = [items[rank :: self.size] for rank in range(self.size) if rank != self.rank]
        return share + [item for other in others for item in reversed(other)]
