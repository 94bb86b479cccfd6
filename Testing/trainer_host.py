"""The desktop's stand-ins of slicer_host, with what the trainer's panel uses besides."""

import contextlib
import sys
import types

import slicer
import slicer_host
import slicer_item_widgets as items
from slicer_widgets import QComboBox, QLabel, QTimer, Widget


class Item(items.QTableWidgetItem):
    """A cell with flags, a tick and a colour."""

    def __init__(self, text):
        super().__init__(text)
        self.flags, self.state, self.toolTip, self.brush = 0, None, "", None

    def setFlags(self, flags):
        self.flags = flags

    def setCheckState(self, state):
        self.state = state

    def checkState(self):
        return self.state

    def setToolTip(self, text):
        self.toolTip = text

    def setForeground(self, brush):
        self.brush = brush


class Table(items.QTableWidget):
    properties = {**items.QTableWidget.properties, "selectionMode": None, "selectionBehavior": None}
    signals = ("cellChanged(int,int)", "itemSelectionChanged()")

    def __init__(self, name=""):
        super().__init__(name)
        object.__setattr__(self, "row", -1)

    def currentRow(self):
        return self.row

    def selectRow(self, row):
        object.__setattr__(self, "row", row)
        self.emit("itemSelectionChanged()")

    def setRowCount(self, count):
        super().setRowCount(count)
        object.__setattr__(self, "row", min(self.row, count - 1))

    def type(self, row, column, text):
        """Write into a cell as the user does."""
        assert self.item(row, column).flags & 2, "this cell cannot be changed"
        self.item(row, column).setText(text)
        self.emit("cellChanged(int,int)", row, column)

    def tick(self, row, ticked):
        """Press a cell's box as the user does."""
        self.item(row, 0).setCheckState(2 if ticked else 0)
        self.emit("cellChanged(int,int)", row, 0)


class Label(QLabel):
    def __init__(self, name=""):
        super().__init__(name)
        object.__setattr__(self, "pixmap", None)

    def setPixmap(self, pixmap):
        object.__setattr__(self, "pixmap", pixmap)


class LineEdit(Widget):
    properties = {"text": "", "placeholderText": ""}
    signals = ("editingFinished()",)

    def type(self, text):
        """Write as the user does."""
        self.text = text
        self.emit("editingFinished()")


class CheckBox(items.QCheckBox):
    signals = ("toggled(bool)",)

    def changed(self, name, value):
        if name == "checked":
            self.emit("toggled(bool)", value)


class ProgressBar(Widget):
    properties = {"value": 0, "minimum": 0, "maximum": 100}


class PlainText(items.QPlainTextEdit):
    properties = {**items.QPlainTextEdit.properties, "minimumSize": None, "maximumBlockCount": 0}

    def setPlainText(self, text):
        self.plainText = text

    def appendPlainText(self, text):
        lines = [*self.plainText.splitlines(), *text.splitlines()]
        self.plainText = "\n".join(lines[-self.maximumBlockCount:])

    def verticalScrollBar(self):
        return types.SimpleNamespace(maximum=7, setValue=lambda value: None)


class Timer(QTimer):
    """The host fires it at once, however long its interval."""

    def setInterval(self, milliseconds):
        assert 0 < milliseconds <= 1000


class FormLayout:
    """Keeps the fields with their parent."""

    def __init__(self, parent):
        self.parent = parent

    def setContentsMargins(self, left, top, right, bottom):
        pass

    def addRow(self, text, field):
        assert isinstance(text, str)
        self.parent.childWidgets.append(field)


class Pixmap:
    """A picture of a PNG file."""

    def __init__(self, path):
        import SimpleITK

        self.array = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path))


class FileDialog:
    """Answers with what a test has put there."""

    answer = ""

    @classmethod
    def getOpenFileName(cls, parent, title, folder, filters):
        return cls.answer

    @classmethod
    def getSaveFileName(cls, parent, title, folder, filters):
        return cls.answer

    @classmethod
    def getExistingDirectory(cls, parent, title):
        return cls.answer


def addPairs(count=2):
    """Add pairs of tiny volumes to the application's scene."""
    # Imported here: it imports the logic, which each test has anew.
    from trainer_runs import addPairs

    addPairs(slicer.mrmlScene, count)


@contextlib.contextmanager
def installed(monkeypatch):
    """As `slicer_host.installed`, for the trainer."""
    for name, cls in (("QTableWidget", Table), ("QCheckBox", CheckBox), ("QPlainTextEdit", PlainText)):
        monkeypatch.setitem(items.ITEM_CLASSES, name, cls)
    for name, cls in (("QLineEdit", LineEdit), ("QLabel", Label), ("QProgressBar", ProgressBar)):
        monkeypatch.setitem(slicer_host.UI_CLASSES, name, cls)
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if _ours(name)}
    with slicer_host.installed() as host:
        qt = sys.modules["qt"]
        qt.QTableWidgetItem, qt.QTimer, qt.QLineEdit, qt.QComboBox = Item, Timer, LineEdit, QComboBox
        qt.QFormLayout, qt.QPixmap, qt.QFileDialog = FormLayout, Pixmap, FileDialog
        qt.QBrush = qt.QColor = str
        qt.QWidget = types.SimpleNamespace(setTabOrder=lambda first, second: None)
        qt.Qt.ItemIsEditable, qt.Qt.ItemIsSelectable = 2, 1
        monkeypatch.setattr(slicer.util, "settingsValue", lambda key, default: qt.QSettings().value(key) or default,
                            raising=False)
        FileDialog.answer = ""
        try:
            yield host
        finally:
            for name in [name for name in sys.modules if _ours(name)]:
                del sys.modules[name]
    sys.modules.update(before)


def _ours(name: str) -> bool:
    return name.split(".")[0] == "LDCTDenoiseTrainingSlicer"
