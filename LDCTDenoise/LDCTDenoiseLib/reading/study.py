"""The design of a reading, and its answers: who saw what, in which order, how it was scored, and when."""

import hashlib
import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..files import write_text
from ..strict_json import parse_json
from ..text_tables import records_to_csv

#: What is scored of each image, and the scores: 1 is the worst, 5 the best (of noise and artefacts: none that disturb).
CRITERIA = ("noise", "sharpness", "artefacts", "lesion conspicuity", "overall")
SCORES = (1, 2, 3, 4, 5)

#: One image at a time is scored, or the better of two is picked.
KINDS = ("scores", "pairs")

#: Which of a pair is preferred, by its place.
SIDES = ("left", "right")

#: The folder of the keys, below that of the answers.
KEYS = "key"


@dataclass(frozen=True)
class Trial:
    """What is shown at a time: one image of a case, or two, left and right."""

    case: str
    images: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """What a reader said of a trial."""

    #: By criterion; a criterion that does not apply, such as a lesion where there is none, is left out.
    scores: dict[str, int]
    preferred: int | None  #: Of a pair, 0 for left, 1 for right.
    seconds: float  #: From the trial's appearance to the answer.
    time: str  #: When, ISO 8601, UTC.


@dataclass
class Study:
    """One reader's way through a reading."""

    reader: str  #: Name or initials.
    kind: str  #: One of `KINDS`.
    seed: int  #: Of the order, and of the sides of pairs.
    trials: tuple[Trial, ...]  #: In the order in which they are shown.
    facts: dict[str, dict] = field(default_factory=dict)  #: What else the key says of an image.
    answers: list[Answer] = field(default_factory=list)  #: Of the first trials.

    @classmethod
    def plan(cls, cases: Sequence[str], images: Sequence[str], reader: str, kind: str = "scores", seed: int = 0,
             facts: Mapping[str, dict] | None = None) -> "Study":
        """Return a study of every image of every case, or of every pair of images of every case, shuffled.

        Raises
        ------
        InputError
            If there is no case, too few images, or no name of a reader.
        """
        if kind not in KINDS:
            raise InputError(f"there is no reading of '{kind}'; choose {' or '.join(KINDS)}.")
        if not reader.strip():
            raise InputError("a reading needs its reader's name or initials.")
        if not 0 <= seed < 2**32:
            raise InputError(f"the seed of a reading is a whole number from 0 to {2**32 - 1}, not {seed}.")
        needed = 2 if kind == "pairs" else 1
        if not cases or len(set(images)) < needed:
            raise InputError(f"a reading needs a case and {'two images' if kind == 'pairs' else 'an image'} at least.")
        shown = itertools.combinations(images, 2) if kind == "pairs" else ((image,) for image in images)
        trials = [(case, group) for group in shown for case in cases]
        random = np.random.default_rng(seed)
        order = random.permutation(len(trials))
        turned = random.integers(0, 2, len(trials))
        return cls(reader.strip(), kind, seed, tuple(
            Trial(trials[n][0], trials[n][1][::-1] if turn else trials[n][1])
            for n, turn in zip(order, turned, strict=True)), dict(facts or {}))

    @property
    def id(self) -> str:
        """Ties answers to their key: the same reader, seed, cases and images have the same."""
        what = json.dumps([self.reader, self.kind, self.seed, [asdict(trial) for trial in self.trials]])
        return hashlib.sha256(what.encode()).hexdigest()[:12]

    @property
    def number(self) -> int:
        """How many trials have been answered, which is the index of the one to show."""
        return len(self.answers)

    @property
    def trial(self) -> Trial | None:
        """The one to show, or None when all have been answered."""
        return self.trials[self.number] if self.number < len(self.trials) else None

    def answer(self, scores: Mapping[str, int] | None = None, preferred: int | None = None,
               seconds: float = math.nan) -> None:
        """Answer the trial that is shown.

        Raises
        ------
        InputError
            If all are answered, or it is no answer to a trial of this kind.
        """
        if self.trial is None:
            raise InputError("every image of the reading has been answered.")
        scores = dict(scores or {})
        if self.kind == "pairs":
            if preferred not in (0, 1) or scores:
                raise InputError("of a pair the better image is picked: 0 for the left one, 1 for the right one.")
        elif preferred is not None or not scores:
            raise InputError(f"an image is scored from {SCORES[0]} to {SCORES[-1]}, by {', '.join(CRITERIA)}.")
        for criterion, score in scores.items():
            if criterion not in CRITERIA or score not in SCORES:
                raise InputError(f"'{criterion}' cannot be scored {score}; the scores are {SCORES[0]} to "
                                 f"{SCORES[-1]}, of {', '.join(CRITERIA)}.")
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        self.answers.append(Answer(scores, preferred, float(seconds), now))

    def undo(self) -> None:
        """Take the last answer back, when there is one."""
        del self.answers[-1:]

    def answer_records(self) -> list[dict]:
        """Return the answers as one dict a trial; nothing in them says which image it was."""
        records = []
        for number, given in enumerate(self.answers, 1):
            record = {"study": self.id, "reader": self.reader, "kind": self.kind, "number": number}
            if self.kind == "pairs":
                record["preferred"] = SIDES[given.preferred]
            else:
                record |= {criterion: given.scores.get(criterion, "") for criterion in CRITERIA}
            records.append(record | {"seconds": given.seconds, "time": given.time})
        return records

    def key_records(self) -> list[dict]:
        """Return what each number was, all trials, with the seed and the facts of the images."""
        names = sorted({name for said in self.facts.values() for name in said})
        records = []
        for number, trial in enumerate(self.trials, 1):
            record = {"study": self.id, "number": number, "seed": self.seed, "case": trial.case}
            for side, image in zip(SIDES if self.kind == "pairs" else ("",), trial.images, strict=True):
                prefix = f"{side}_" if side else ""
                record[f"{prefix}image"] = image
                record |= {f"{prefix}{name}": self.facts.get(image, {}).get(name, "") for name in names}
            records.append(record)
        return records

    @property
    def file_name(self) -> str:
        return f"reading_{re.sub('[^A-Za-z0-9-]+', '-', self.reader)}_{self.id}.csv"

    def write(self, folder: str | Path) -> Path:
        """Write the answers, and into a folder of its own the key; return the path of the answers.

        Raises
        ------
        InputError
            If there is no answer yet.
        OutputError
            If a file cannot be written.
        """
        if not self.answers:
            raise InputError("there is no answer yet to write.")
        folder = Path(folder)
        path = folder / self.file_name
        write_text(path, records_to_csv(self.answer_records()))
        (folder / KEYS).mkdir(exist_ok=True)
        write_text(folder / KEYS / self.file_name, records_to_csv(self.key_records()))
        return path

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Study":
        """Return a study that was put aside; `InputError` when the text is none."""
        try:
            said = parse_json(text, lenient=True)
            trials = tuple(Trial(str(t["case"]), tuple(str(i) for i in t["images"])) for t in said["trials"])
            study = cls(str(said["reader"]), str(said["kind"]), int(said["seed"]), trials, dict(said["facts"]))
            for given in said["answers"]:
                study.answer(given["scores"], given["preferred"], given["seconds"])
                study.answers[-1] = Answer(study.answers[-1].scores, given["preferred"], float(given["seconds"]),
                                           str(given["time"]))
            if study.kind not in KINDS or not study.reader:
                raise ValueError("kind or reader are missing")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"a reading that was put aside cannot be read: {error}.") from error
        return study
