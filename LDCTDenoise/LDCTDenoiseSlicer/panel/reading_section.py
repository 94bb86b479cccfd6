"""The section "Blinded reading": begins one, takes the keys while it is shown, writes and summarises (desktop only)."""

from pathlib import Path

import qt
import slicer
import slicer.util
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.files import write_text
from LDCTDenoiseLib.reading import CRITERIA, SCORES
from slicer.i18n import tr as _

from ..comparison.keys import WINDOW_KEYS
from ..comparison.shortcuts import Shortcuts
from ..numbers import REFERENCE
from ..task_runner import onClicked
from .docks import addDock, removeDock

#: How many slices are read where they are spread over the volume.
_SPREAD = 5

_KEYS = (*"012345", "Return", "Enter", "Backspace", "Up", "Down", "Left", "Right", "PgUp", "PgDown", "Esc",
         *WINDOW_KEYS)  # fmt: skip


class ReadingSection:
    """Lets a reader read.

    Parameters
    ----------
    ui : object
        The widgets of Measure.ui by name.
    panel : Panel
        Knows images, the plane in view and the step guard.
    """

    def __init__(self, ui, panel):
        self.ui, self._panel = ui, panel
        #: What is read now, and the scores that the image in view has been given so far.
        self.view = None
        self.scores: dict[str, int | None] = {}
        self._at = 0
        self._reading = None
        #: Whether the comparison was shown before, and is to come back.
        self._compared = False
        self._shortcuts = self._dock = self._line = None
        for kind, words in (("scores", _("Scores from 1 to 5")), ("pairs", _("The better of two"))):
            ui.readingKindComboBox.addItem(words, kind)
        for which, words in (("view", _("The plane in view")), ("regions", _("Each region's plane")),
                             ("spread", _("{count} slices").format(count=_SPREAD))):
            ui.readingCasesComboBox.addItem(words, which)
        onClicked(panel.guarded, (ui.readingButton, self.toggle), (ui.readingWriteButton, self.write),
                  (ui.readingSummaryButton, self._summarise))
        ui.readerEdit.connect("textChanged(QString)", lambda text: self.refresh())
        self.refresh()

    @property
    def shown(self) -> bool:
        return self.view is not None

    def refresh(self) -> None:
        """Say how far this reader is, and offer what can be done."""
        ui, reading = self.ui, self._open()
        ui.readingButton.text = _("Pause") if self.shown else _("Go on") if self._unfinished() else _("Reading…")
        ui.readingWriteButton.enabled = reading is not None and bool(reading.study.answers)
        if reading is not None and not self.shown:
            ui.readingLabel.text = reading.words

    def toggle(self) -> None:
        """Begin or go on, or pause."""
        if self.shown:
            self.stop(back=True)
            return
        reading = self._unfinished() or self._begin()
        self._compared = self._panel.section.shown
        self.view = self._panel.logic.showReading(reading)
        self._panel.curves.hide()
        self._reading = reading
        self._next()
        if self.shown:
            self._takeKeys()
        self.refresh()

    def stop(self, back: bool = False) -> None:
        """Put the views away, with `back` for the comparison if it was there; what has been answered stays."""
        if self.shown:
            view, self.view = self.view, None
            self._leaveKeys()
            view.hide()
            if back and self._compared:
                self._panel.section.ui.sideBySideButton.checked = True
            self._panel.curves.refresh()
            self.refresh()

    def press(self, key: str) -> None:
        """Do what a key does."""
        if not self.shown:
            return
        if key == "Esc":
            self.stop(back=True)
        elif key in ("PgUp", "PgDown"):
            self.view.scroll(1 if key == "PgDown" else -1)
        elif WINDOW_KEYS.get(key, "default") != "default":
            self.view.showWindow(WINDOW_KEYS[key])
        elif key == "Backspace" and not self.scores:
            self.view.reading.undo()
            self._show()
        elif self.view.reading.study.kind == "pairs":
            if key in ("Left", "Right", "1", "2"):
                self._answer(preferred=int(key in ("Right", "2")))
        else:
            self._score(key)

    def write(self) -> None:
        """Ask for a folder, and write the answers and apart from them the key."""
        reading = self._open()
        if reading is None or not reading.study.answers:
            raise InputError(_("There is no answer yet to write."))
        folder = qt.QFileDialog.getExistingDirectory(None, _("A folder for the answers"), "")
        if folder:
            path = reading.write(folder)
            self.ui.readingLabel.text = _("{words}. Written: {path}; the key is in the folder 'key' beside it.").format(
                words=reading.words, path=path)

    def _summarise(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(None, _("The folder with the answers of all readers"), "")
        if not folder:
            return
        paths = sorted(Path(folder).glob("reading_*.csv"))
        if not paths:
            raise InputError(_("'{folder}' holds no answers (reading_….csv); choose the folder they were written "
                               "into.").format(folder=folder))
        summary = self._panel.logic.summariseReadings(paths)
        write_text(Path(folder) / "summary.csv", summary.to_csv())
        self.ui.readingLabel.text = summary.to_text()

    def _open(self):
        """Return the newest reading of the reader that is named, of this scene, or None."""
        reader = self.ui.readerEdit.text.strip()
        if self._panel.parameters is None:
            return None
        return next((r for r in reversed(self._panel.logic.readings()) if r.study.reader == reader), None)

    def _unfinished(self):
        reading = self._open()
        return reading if reading is not None and reading.trial is not None else None

    def _begin(self):
        panel = self._panel
        images, full = panel.images(), panel.parameters.referenceVolume
        if not images:
            raise InputError(_("Choose a low-dose volume, and tick the images to read."))
        images = ({} if full is None else {REFERENCE: full}) | images
        which = self.ui.readingCasesComboBox.itemData(self.ui.readingCasesComboBox.currentIndex)
        cases = [panel.view.requirePlane()] if which == "view" else panel.logic.regions()
        if which == "spread":
            count = next(iter(images.values())).GetImageData().GetDimensions()[2]
            cases = sorted({round((n + 1) * (count - 1) / (_SPREAD + 1)) for n in range(_SPREAD)})
        if not cases:
            raise InputError(_("There is no region yet; draw one, or read the plane in view."))
        kind = self.ui.readingKindComboBox.itemData(self.ui.readingKindComboBox.currentIndex)
        return panel.logic.startReading(images, cases, self.ui.readerEdit.text, kind)

    def _score(self, key: str) -> None:
        if key == "Up":
            self._at = max(self._at - 1, 0)
        elif key == "Down":
            self._at = min(self._at + 1, len(CRITERIA) - 1)
        elif key == "Backspace":
            last = list(self.scores)[-1]
            del self.scores[last]
            self._at = CRITERIA.index(last)
        elif key in ("Return", "Enter"):
            if len(self.scores) < len(CRITERIA):
                self._at = next(n for n, criterion in enumerate(CRITERIA) if criterion not in self.scores)
            elif any(self.scores.values()):
                self._answer({criterion: score for criterion, score in self.scores.items() if score})
                return
        elif key.isdigit() and int(key) in (0, *SCORES):
            self.scores.pop(CRITERIA[self._at], None)
            self.scores[CRITERIA[self._at]] = int(key)
            self._at = min(self._at + 1, len(CRITERIA) - 1)
        self._say()

    def _answer(self, scores=None, preferred=None) -> None:
        def answer() -> None:
            self.view.reading.answer(scores, preferred)
            self._next()

        self._panel.guarded(answer)

    def _next(self) -> None:
        if self.view.reading.trial is not None:
            self._show()
            return
        self.stop(back=True)
        self._panel.say(_("All images have been answered."))
        self.write()

    def _show(self) -> None:
        self.scores, self._at = {}, 0
        self._panel.guarded(self.view.show)
        self._say()

    def _say(self) -> None:
        """Write what is asked and what has been given, below the views."""
        study = self.view.reading.study
        begun = _("{number} of {count}").format(number=study.number + 1, count=len(study.trials))
        if study.kind == "pairs":
            text = _("{begun}: which is better?   ← left, → right;   ⌫ the one before, Esc pause").format(begun=begun)
        else:
            parts = []
            for n, criterion in enumerate(CRITERIA):
                score = {None: "_", 0: "–"}.get(self.scores.get(criterion), self.scores.get(criterion))
                words = f"{_words()[criterion]} {score}"
                parts.append(f"[{words}]" if n == self._at else words)
            text = _("{begun}:   {scores}\n1 worst to 5 best, 0 does not apply; ↑ ↓ choose, ⌫ back, Enter next, "
                     "Esc pause").format(begun=begun, scores="   ".join(parts))
        self.ui.readingLabel.text = text
        if self._line is not None:
            self._line.text = text

    def _takeKeys(self) -> None:
        """Take the keys of the main window, and show below the views what they do; without a window there are none."""
        window = slicer.util.mainWindow()
        if window is None:
            return
        self._line = qt.QLabel(self.ui.readingLabel.text)
        self._line.wordWrap = True
        self._line.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Maximum)
        self._dock = addDock(_("LDCT Denoise: reading"), "LDCTDenoiseReading", self._line)
        self._shortcuts = Shortcuts(_KEYS, window, self.press, everywhere=True)
        # Digits are not for the field in which the reader has typed a name.
        slicer.app.layoutManager().viewport().setFocus()

    def _leaveKeys(self) -> None:
        if self._shortcuts is not None:
            self._shortcuts.release()
            removeDock(self._dock)
            self._shortcuts = self._dock = self._line = None


def _words() -> dict[str, str]:
    return {"noise": _("noise"), "sharpness": _("sharpness"), "artefacts": _("artefacts"),
            "lesion conspicuity": _("lesion conspicuity"), "overall": _("overall")}
