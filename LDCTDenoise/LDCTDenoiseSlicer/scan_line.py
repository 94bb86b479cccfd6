"""The line in either panel that says what the chosen scan is (desktop only)."""

from LDCTDenoiseLib.errors import LDCTError

from .nodes import worldGeometry
from .scanning import inWords, scanTask
from .task_runner import TaskRunner, sentence


class ScanLine:
    """Keeps a label up to date with a volume; measured beside the event loop, each volume once (desktop only).

    Parameters
    ----------
    label : QLabel
    """

    #: Volumes that are remembered.
    _MOST = 32

    def __init__(self, label):
        self._label = label
        self._known: dict[tuple, str] = {}
        self._wanted = None
        self._before = self._note = ""
        self._runner = TaskRunner(self._guarded, lambda: None)

    def show(self, node, note: str = "") -> None:
        """Show the line of a volume of the scene: its size and HU at once, the rest soon; of none, nothing.

        `note` stands below it.
        """
        image = node.GetImageData() if node is not None else None
        key = None if image is None else (node.GetID(), image.GetMTime(), *worldGeometry(node).spacing)
        self.showOf(key, lambda: scanTask(node), "" if image is None else sizeInWords(image), note)

    def showOf(self, key: tuple | None, makeTask, before: str = "", note: str = "") -> None:
        """Show the line of whatever a task measures, which is made when the key is new; of the key None, nothing.

        `before` stands in front of what is measured, from the start; `note` below it.
        """
        self._before, self._note = before, note
        if key is None:
            self._wanted = None
            self._say("")
        elif key in self._known:
            self._wanted = None
            self._say(self._known[key])
        elif key == self._wanted:
            self._say("…")
        else:
            self._wanted = key
            self._say("…")
            try:
                task = makeTask()
            except LDCTError as error:
                self._keep(key, sentence(error))
                return
            self._runner.stop()
            self._runner.run(task, lambda facts: self._keep(key, inWords(facts)), lambda: self._say(""))

    def close(self) -> None:
        self._runner.close()

    def _keep(self, key: tuple, words: str) -> None:
        self._known[key] = words
        while len(self._known) > self._MOST:
            self._known.pop(next(iter(self._known)))
        if key == self._wanted:
            self._wanted = None
            self._say(words)

    def _guarded(self, step) -> None:
        try:
            step()
        except LDCTError as error:  # what is no CT is said in the line; Apply refuses it
            self._keep(self._wanted, sentence(error))

    def _say(self, text: str) -> None:
        text = "; ".join(part for part in (self._before, text) if part)
        text = "\n".join(part for part in (text, self._note) if part)
        if self._label.text != text:
            self._label.text = text
        self._label.visible = bool(text)


def sizeInWords(image) -> str:
    """Return what is known of an image without measuring: "512×512×40 voxels, -1024 to 1803 HU"."""
    size = "×".join(str(count) for count in image.GetDimensions())
    lower, upper = image.GetScalarRange()
    return f"{size} voxels, {lower:g} to {upper:g} HU"
