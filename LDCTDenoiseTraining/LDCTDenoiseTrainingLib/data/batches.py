"""Batches in order, drawn ahead while the network is at work."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from torch.utils.data import DataLoader, Dataset

from .patches import Batch, PatchSource


@dataclass
class _Steps(Dataset):
    """The batches of a step, by the step's number."""

    source: PatchSource
    batches: int
    count: int
    share: slice

    def __getitem__(self, step: int) -> list[Batch]:
        return [self.source.batch(step, part, self.count, self.share) for part in range(self.batches)]


def batches_of_steps(
    source: PatchSource, steps: range, batches: int, count: int, share: slice, workers: int, pinned: bool
) -> Iterator[list[Batch]]:
    """Yield the batches of each step, in order, whatever the number of workers.

    Parameters
    ----------
    source : PatchSource
    steps : range
        The steps' numbers.
    batches, count : int
        Batches a step, and pairs a batch over all processes.
    share : slice
        This process's share of a batch.
    workers : int
        Processes that draw; 0 draws in a thread of this one, a step ahead.
    pinned : bool
        Have the processes put them into memory that a GPU copies from fastest.
    """
    data = _Steps(source, batches, count, share)
    if workers:
        yield from DataLoader(data, None, sampler=steps, num_workers=workers, pin_memory=pinned, prefetch_factor=4)
        return
    with ThreadPoolExecutor(1, "LDCTDenoise-patches") as thread:
        ahead = None
        for step in [*steps, None]:
            ready, ahead = ahead, None if step is None else thread.submit(data.__getitem__, step)
            if ready:
                yield ready.result()
