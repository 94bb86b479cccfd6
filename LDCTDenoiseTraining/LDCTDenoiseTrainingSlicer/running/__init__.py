"""The process that trains: started, watched, stopped, found again."""

from .run import RunState, TrainingRun
from .runs import findRuns, runsFolder

__all__ = ["RunState", "TrainingRun", "findRuns", "runsFolder"]
