"""The widgets of slicer_host that hold items or text: lists, tables, boxes to tick, numbers, paths, plain text."""

import types

from slicer_widgets import Widget


class Bound(Widget):
    """A widget whose one property is bound to a parameter."""

    bound = ""

    def showParameter(self, value):
        setattr(self, self.bound, value)

    def changed(self, name, value):
        if name == self.bound:
            self.edited(value)


class QCheckBox(Bound):
    properties = {"text": "", "checked": False}
    bound = "checked"


class QSpinBox(Bound):
    properties = {"value": 0, "minimum": 0, "maximum": 99, "specialValueText": ""}
    bound = "value"


class QDoubleSpinBox(Bound):
    properties = {"value": 0.0, "minimum": 0.0, "maximum": 99.0, "decimals": 2, "singleStep": 1.0, "prefix": "",
                  "suffix": ""}
    bound = "value"


class ctkPathLineEdit(Widget):
    properties = {"currentPath": "", "filters": "", "nameFilters": ""}
    signals = ("currentPathChanged(QString)",)

    def changed(self, name, value):
        if name == "currentPath":
            self.emit("currentPathChanged(QString)", value)


class QPlainTextEdit(Widget):
    properties = {"plainText": "", "readOnly": False, "maximumSize": None}


class QListWidgetItem:
    """An item of a list; outside a list it tells nobody."""

    def __init__(self, text):
        self.text, self.state, self.flags, self.list = text, 0, None, None

    def setFlags(self, flags):
        self.flags = flags

    def checkState(self):
        return self.state

    def setCheckState(self, state):
        if state != self.state:
            self.state = state
            if self.list is not None:
                self.list.emit("itemChanged(QListWidgetItem*)", self)


class QListWidget(Widget):
    properties = {"sizeAdjustPolicy": None, "selectionMode": None, "horizontalScrollBarPolicy": None}
    signals = ("itemChanged(QListWidgetItem*)",)

    def __init__(self, name=""):
        super().__init__(name)
        object.__setattr__(self, "items", [])

    def clear(self):
        self.items.clear()

    frameWidth = 1

    def sizeHintForRow(self, row):
        return 15 if row < len(self.items) else -1

    def setMinimumHeight(self, height):
        # As high as its rows, so that none is hidden.
        assert height == 15 * len(self.items) + 2

    def addItem(self, item):
        item.list = self
        self.items.append(item)

    def item(self, row):
        return self.items[row]


class QTableWidgetItem:
    def __init__(self, text):
        assert isinstance(text, str)
        self._text = text

    def text(self):
        return self._text

    def setText(self, text):
        assert isinstance(text, str)
        self._text = text


class QTableWidget(Widget):
    properties = {"sizeAdjustPolicy": None, "editTriggers": None, "minimumSize": None, "selectionMode": None,
                  "selectionBehavior": None}

    @property
    def sizeHint(self):
        return types.SimpleNamespace(height=lambda: 20)

    def setMinimumHeight(self, height):
        assert height == 20

    def __init__(self, name=""):
        super().__init__(name)
        object.__setattr__(self, "items", [])

    @property
    def rowCount(self):
        return len(self.items)

    @property
    def columnCount(self):
        return self.columns

    @property
    def cells(self):
        """What is shown, as text."""
        return [[item.text() for item in row] for row in self.items]

    def setRowCount(self, count):
        while len(self.items) > count:
            self.items.pop()
        while len(self.items) < count:
            self.items.append([None] * self.columns)

    def item(self, row, column):
        return self.items[row][column]

    def setItem(self, row, column, item):
        self.items[row][column] = item

    def resizeColumnsToContents(self):
        pass


class QSettings:
    """The user's settings, forgotten with the process."""

    kept: dict = {}

    def value(self, key):
        return self.kept.get(key)

    def setValue(self, key, value):
        self.kept[key] = value


class Clipboard:
    text = ""

    @classmethod
    def setText(cls, text):
        cls.text = text


ITEM_CLASSES = {
    cls.__name__: cls
    for cls in (QCheckBox, QSpinBox, QDoubleSpinBox, QListWidget, QTableWidget, QPlainTextEdit, ctkPathLineEdit)
}
