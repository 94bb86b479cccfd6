"""The process that trains: started, watched, stopped, found again."""

from .run import TrainingRun
from .runs import findRuns, runsFolder
from .state import RunState

__all__ = ["RunState", "TrainingRun", "findRuns", "runsFolder"]
