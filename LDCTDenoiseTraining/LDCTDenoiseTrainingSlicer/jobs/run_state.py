"""What a run does, and how far it is."""

from dataclasses import dataclass

#: What a run does, by the command of `ldct-train` that does it: one training; one for each method and each patient that
#: is left out; the four methods and their table beside the paper's.
TRAINING, LEAVE_ONE_OUT, TABLE = "train", "cross-validate", "reproduce"
KINDS = (TRAINING, LEAVE_ONE_OUT, TABLE)

RUNNING, STOPPING, FINISHED, STOPPED, FAILED, KILLED = (
    "running", "stopping", "finished", "stopped", "failed", "killed")


@dataclass(frozen=True)
class RunState:
    """How far a run is."""

    #: "running", "stopping", "finished", "stopped" (on request, resumable), "failed" (it said why) or "killed" (it
    #: ended without a word).
    status: str
    step: int
    of: int
    secondsLeft: float | None  #: By its own estimate; of the fold that trains, in a leave-one-out.
    #: What is done beside the steps, such as "simulating low dose 2 of 5"; of several trainings, which one.
    phase: str
    message: str  #: For people: what happened and what to do.

    @property
    def active(self) -> bool:
        return self.status in (RUNNING, STOPPING)

    @property
    def fraction(self) -> float:
        return self.step / self.of if self.of else 0.0
