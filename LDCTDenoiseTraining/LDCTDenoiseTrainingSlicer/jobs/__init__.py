"""The process that trains: started, watched, stopped, found again."""

from .run_state import RunState
from .runs_folder import findRuns, runsFolder
from .training_run import TrainingRun
