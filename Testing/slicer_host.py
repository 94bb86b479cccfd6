"""The one stand-in for what Slicer's desktop has and slicer-core lacks: qt, the module framework, parameters.

The scene, its nodes (the parameter node among them) and `slicer.util` are slicer-core's own. What is here is the little
that this project uses, and it is strict: an unknown name, property, signal or widget class raises, so that a misspelt
one is found without a desktop. How Slicer's widgets behave is for the self tests in a real Slicer to say.
"""

import contextlib
import sys
import time
import types
import typing
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import slicer
import slicer.util  # before the stand-ins: it must find slicer-core as it is

_ROOT = Path(__file__).resolve().parent.parent

#
# Widgets
#

#: The classes of widgets: properties with their values, and for each property that has one the signal of its change.
#: The first signal's property is the one that a parameter is bound to.
_CLASSES = {
    "QWidget": ({}, {}),
    "QDialog": ({}, {}),
    "qMRMLWidget": ({}, {}),
    "QLabel": ({"text": "", "wordWrap": False, "textInteractionFlags": None, "buddy": None, "pixmap": None,
                "minimumSize": None, "alignment": None}, {}),
    "QPushButton": ({"text": "", "checkable": False, "checked": False}, {"checked": None, "": "clicked(bool)"}),
    "QCheckBox": ({"text": "", "checked": False}, {"checked": "toggled(bool)"}),
    "QProgressBar": ({"value": 0, "minimum": 0, "maximum": 100, "format": "%p%"}, {}),
    "ctkCollapsibleButton": ({"text": "", "collapsed": False}, {"collapsed": "contentsCollapsed(bool)"}),
    "ctkSliderWidget": (
        {"value": 0.0, "minimum": 0.0, "maximum": 100.0, "decimals": 2, "singleStep": 1.0, "pageStep": 10.0,
         "suffix": ""}, {"value": "valueChanged(double)"}),
    "QSpinBox": ({"value": 0, "minimum": 0, "maximum": 99, "specialValueText": "", "prefix": ""},
                 {"value": "valueChanged(int)"}),
    "QDoubleSpinBox": (
        {"value": 0.0, "minimum": 0.0, "maximum": 99.0, "decimals": 2, "singleStep": 1.0, "prefix": "", "suffix": ""},
        {"value": "valueChanged(double)"}),
    "QComboBox": (
        {"currentIndex": -1, "sizeAdjustPolicy": None, "minimumContentsLength": 0},
        {"currentIndex": "currentIndexChanged(int)", "": "activated(int)"}),
    "qMRMLNodeComboBox": (
        {"nodeTypes": "", "showChildNodeTypes": True, "noneEnabled": False, "noneDisplay": "", "addEnabled": True,
         "removeEnabled": True, "renameEnabled": False, "baseName": "", "node": None},
        {"node": "currentNodeChanged(vtkMRMLNode*)"}),
    "ctkPathLineEdit": (
        {"currentPath": "", "filters": "", "nameFilters": ""}, {"currentPath": "currentPathChanged(QString)"}),
    "QLineEdit": (
        {"text": "", "placeholderText": ""}, {"text": "textChanged(QString)", "": "editingFinished()"}),
    "QPlainTextEdit": (
        {"plainText": "", "readOnly": False, "maximumSize": None, "minimumSize": None, "maximumBlockCount": 0}, {}),
    "QListWidget": (
        {"sizeAdjustPolicy": None, "selectionMode": None, "horizontalScrollBarPolicy": None, "frameWidth": 1},
        {"": "itemChanged(QListWidgetItem*)"}),
    "QTableWidget": (
        {"sizeAdjustPolicy": None, "editTriggers": None, "minimumSize": None, "selectionMode": None,
         "selectionBehavior": None, "contextMenuPolicy": None, "textElideMode": None, "wordWrap": True},
        {"": "cellChanged(int,int)", " ": "itemSelectionChanged()", "  ": "cellClicked(int,int)"}),
    "QHeaderView": ({"defaultSectionSize": 22}, {"": "sectionMoved(int,int,int)"}),
    "QTimer": ({}, {"": "timeout()"}),
}

_ANY = {"visible": True, "enabled": True, "toolTip": "", "geometry": None, "sizePolicy": None, "maximumSize": None}

#: Methods that change nothing which a test could see.
_SILENT = {
    "QProgressBar": ("setUpdatesEnabled",),
    "QTableWidget": ("resizeColumnsToContents", "resizeColumnToContents", "setMinimumHeight", "setColumnWidth"),
    "QHeaderView": ("setSectionsMovable", "moveSection", "setSectionResizeMode"),
    "QListWidget": ("setMinimumHeight",),
    "QDialog": ("setWindowTitle", "resize", "raise_"),
}

_PARAMETER = "SlicerParameterName"


class Widget:
    """A widget with the properties and signals of its class; any other name raises `AttributeError`."""

    def __init__(self, kind: str, name: str = ""):
        properties, signals = _CLASSES[kind]
        vars(self).update(
            kind=kind, name=name, childWidgets=[], columns=0, onEdited=None, dynamic={}, slots=[], blocked=False,
            placed=[], items=[], calls=[], row=-1, hidden=set(), headers=[], active=False, single=False,
            values={**_ANY, **properties}, signals=[signal for signal in signals.values() if signal],
            changes=dict(signals), bound=next(iter(signals), ""))

    def __getattr__(self, name):
        values = vars(self).get("values", {})
        if name in values:
            return values[name]
        if name.startswith("set") and name[3:4].lower() + name[4:] in values:  # setText for text
            return lambda value: setattr(self, name[3:4].lower() + name[4:], value)
        if name in _SILENT.get(vars(self).get("kind"), ()):
            return lambda *arguments: None
        raise AttributeError(f"{vars(self).get('kind')} has no '{name}'")

    def __setattr__(self, name, value):
        if name in vars(self):
            vars(self)[name] = value
            return
        if name not in self.values:
            raise AttributeError(f"{self.kind} has no '{name}'")
        differs = self.values[name] is not value and self.values[name] != value
        self.values[name] = value
        if differs and name in self.changes:
            if self.changes[name]:
                self.emit(self.changes[name], value)
            if name == self.bound and self.onEdited is not None and not self.blocked:
                told = self.itemData(value) if self.kind == "QComboBox" else value
                if self.kind != "QComboBox" or value >= 0:
                    self.onEdited(told)

    def load(self, name, element, dynamic):
        """Take a property of a .ui file."""
        text = (element.text or "").strip()
        read = {"bool": lambda t: t == "true", "number": float, "double": float}.get(element.tag, str)
        if dynamic:
            self.dynamic[name] = read(text)
        elif name not in self.values:
            raise AttributeError(f"{self.kind} has no property '{name}'")
        else:
            self.values[name] = read(text)

    def children(self):
        return self.childWidgets

    def parent(self):
        return None

    def className(self):
        return self.kind

    def layout(self):
        return types.SimpleNamespace(addWidget=lambda widget, *place: self.placed.append(widget))

    def setMRMLScene(self, scene):
        assert scene is slicer.mrmlScene

    def connect(self, signal, slot):
        if signal not in self.signals:
            raise AttributeError(f"{self.kind} has no signal '{signal}'")
        self.slots.append((signal, slot))

    def emit(self, signal, *arguments):
        assert signal in self.signals, signal
        for known, slot in self.slots:
            if known == signal and not self.blocked:
                slot(*arguments)

    def blockSignals(self, blocked):
        was, self.blocked = self.blocked, blocked
        return was

    def showParameter(self, value):
        setattr(self, self.bound, [d for _, d in self.items].index(value) if self.kind == "QComboBox" else value)

    # What the user does.

    def click(self):
        if self.enabled:
            if self.checkable:
                self.checked = not self.checked
            self.emit("clicked(bool)", self.checked)

    def choose(self, data):
        self.currentIndex = [d for _, d in self.items].index(data)

    def type(self, *place):
        *cell, text = place
        if cell:
            assert self.item(*cell).flags & 2, "this cell cannot be changed"
            self.item(*cell).setText(text)
            self.emit("cellChanged(int,int)", *cell)
        else:
            self.text = text
            self.emit("editingFinished()")

    def tick(self, row, ticked, column=0):
        self.item(row, column).setCheckState(2 if ticked else 0)
        self.emit("cellChanged(int,int)", row, column)

    def selectRow(self, row):
        self.row = row
        self.emit("itemSelectionChanged()")

    # Boxes, lists and tables; texts; selectors; dialogs.

    @property
    def count(self):
        return len(self.items)

    rowCount = count

    @property
    def columnCount(self):
        return self.columns

    @property
    def cells(self):
        """What a table shows, as text."""
        return [[item.text() for item in row] for row in self.items]

    def clear(self):
        self.items.clear()
        if self.kind == "QComboBox":
            self.currentIndex = -1

    def addItem(self, item, data=None):
        if self.kind == "QComboBox":
            self.items.append((item, data))
            if len(self.items) == 1:
                self.currentIndex = 0
        else:
            item.list = self
            self.items.append(item)

    def removeItem(self, index):
        del self.items[index]

    def itemData(self, index):
        return self.items[index][1] if index >= 0 else None

    def sizeHintForRow(self, row):
        return 15 if row < len(self.items) else -1

    @property
    def sizeHint(self):
        return types.SimpleNamespace(height=lambda: 20, width=lambda: 20)

    def item(self, row, column=None):
        return self.items[row] if column is None else self.items[row][column]

    def setRowCount(self, count):
        del self.items[count:]
        self.items += [[None] * self.columns for _ in range(count - len(self.items))]
        self.row = min(self.row, count - 1)

    def verticalHeader(self):
        if "header" not in vars(self):
            vars(self)["header"] = Widget("QHeaderView")
        return self.header

    horizontalHeader = verticalHeader

    def setColumnCount(self, count):
        self.columns = count
        for cells in self.items:
            del cells[count:]
            cells += [None] * (count - len(cells))

    def setHorizontalHeaderLabels(self, labels):
        assert len(labels) == self.columns
        self.headers = list(labels)

    def setItem(self, row, column, item):
        self.items[row][column] = item

    def currentRow(self):
        return self.row

    def setRowHidden(self, row, hidden):
        (self.hidden.add if hidden else self.hidden.discard)(row)

    def appendPlainText(self, text):
        lines = [*self.plainText.splitlines(), *text.splitlines()]
        self.plainText = "\n".join(lines[-int(self.maximumBlockCount):])

    def verticalScrollBar(self):
        return types.SimpleNamespace(maximum=7, setValue=lambda value: None)

    def currentNode(self):
        return self.node

    def setCurrentNode(self, node):
        self.node = node

    def setRange(self, minimum, maximum):
        self.minimum, self.maximum = minimum, maximum

    def show(self):
        self.calls.append("show")

    def hide(self):
        self.calls.append("hide")

    def deleteLater(self):
        assert "deleteLater" not in self.calls, "it has gone already"
        self.calls.append("deleteLater")

    def property(self, name):  # the last: its name is that of the decorator above
        return self.dynamic.get(name)


class QTimer(Widget):
    """A timer, which the host's event loop fires."""

    all: list = []

    def __init__(self):
        super().__init__("QTimer")
        QTimer.all.append(self)

    def setInterval(self, milliseconds):
        assert 0 <= milliseconds <= 1000

    def setSingleShot(self, single):
        self.single = single

    def fire(self):
        self.active = not self.single
        self.emit("timeout()")

    def start(self):
        self.active = True

    def stop(self):
        self.active = False


class Item:
    """An item of a list or a table; in a list its tick is told."""

    def __init__(self, text):
        assert isinstance(text, str)
        self.words, self.state, self.flags, self.toolTip, self.list = text, None, 0, "", None
        self.brush, self.kept = None, {}

    def data(self, role):
        return self.kept.get(role)

    def setData(self, role, value):
        self.kept[role] = value

    def setToolTip(self, text):
        self.toolTip = text

    def setForeground(self, brush):
        self.brush = brush

    setBackground = setForeground

    def text(self):
        return self.words

    def setText(self, text):
        assert isinstance(text, str)
        self.words = text

    def setFlags(self, flags):
        self.flags = flags

    def checkState(self):
        return self.state or 0

    def setCheckState(self, state):
        changed, self.state = state != self.state, state
        if changed and self.list is not None:
            self.list.emit("itemChanged(QListWidgetItem*)", self)


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


class Mouse:
    """Which buttons are down."""

    buttons = 0


class Desktop:
    """Remembers what was opened."""

    opened: list = []

    @classmethod
    def openUrl(cls, url):
        cls.opened.append(url)


class FileDialog:
    """Answers with what a test has put there."""

    answer = ""

    @classmethod
    def getOpenFileName(cls, *arguments):
        return cls.answer

    getSaveFileName = getExistingDirectory = getOpenFileName


class Pixmap:
    """A picture of a PNG file."""

    def __init__(self, path):
        import SimpleITK

        self.array = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path))


class Layout:
    """Keeps what is added with its parent."""

    def __init__(self, parent):
        self._parent = parent

    def addWidget(self, widget):
        self._parent.childWidgets.append(widget)

    def addRow(self, label, field):
        assert label.kind == "QLabel"
        self.addWidget(label)
        self.addWidget(field)

    def setContentsMargins(self, left, top, right, bottom):
        pass

    WrapLongRows = 1

    def setRowWrapPolicy(self, policy):
        assert policy == self.WrapLongRows


class QFile:
    ReadOnly = 1

    def __init__(self, path):
        self.path = Path(path)

    def exists(self):
        return self.path.is_file()

    def open(self, mode):
        return True


class QUiLoader:
    def load(self, file):
        return _build(ElementTree.parse(file.path).getroot().find("widget"))


def _build(element) -> Widget:
    """Make a widget of a .ui file with all below it."""
    widget = Widget(element.get("class"), element.get("name"))
    for entry in element.findall("property"):
        widget.load(entry.get("name"), entry[0], dynamic=entry.get("stdset") == "0")
    widget.columns = len(element.findall("column"))
    stack = [child for child in element if child.tag in ("layout", "widget")]
    while stack:
        child = stack.pop(0)
        if child.tag == "widget":
            widget.childWidgets.append(_build(child))
        else:
            stack = [w for item in child.findall("item") for w in item if w.tag in ("layout", "widget")] + stack
    return widget


def _texted(kind: str):
    """Return the constructor of a widget made in code, which takes its text and not its name."""

    def make(text=None):
        widget = Widget(kind)
        if isinstance(text, str):
            widget.text = text
        return widget

    return make


#
# Parameters
#


def parameterNodeWrapper(cls):
    """Give a class of annotations properties on a real parameter node, and the binding to widgets."""
    for name, annotation in typing.get_type_hints(cls, include_extras=True).items():
        setattr(cls, name, _parameter(name, annotation, cls.__dict__.get(name)))

    def __init__(self, node):
        self.parameterNode, self._connections = node, {}

    cls.__init__, cls.connectGui, cls.disconnectGui = __init__, _connectGui, _disconnectGui
    cls.AddObserver = lambda self, event, call, priority=0.0: self.parameterNode.AddObserver(event, call, priority)
    cls.RemoveObserver = lambda self, tag: self.parameterNode.RemoveObserver(tag)
    return cls


def _parameter(name, annotation, default):
    kind, *limits = typing.get_args(annotation) if typing.get_origin(annotation) is typing.Annotated else [annotation]
    if typing.get_origin(kind) is list:
        return _list(name, kind, default)
    if issubclass(kind, slicer.vtkMRMLNode):

        def write(self, node):
            self.parameterNode.SetNodeReferenceID(name, node.GetID() if node else None)

        return property(lambda self: self.parameterNode.GetNodeReference(name), write)

    def write(self, value):
        for limit in limits:
            limit.validate(value)
        self.parameterNode.SetParameter(name, str(value))

    def read(self):
        text = self.parameterNode.GetParameter(name)
        return (text == "True" if kind is bool else kind(text)) if text else default

    return property(read, write)


def _list(name, annotation, default):
    """A list of texts or of nodes; as Slicer's, it holds None for a node that is gone."""
    (element,) = typing.get_args(annotation)
    isNode = issubclass(element, slicer.vtkMRMLNode)

    def write(self, values):
        node = self.parameterNode
        with slicer.util.NodeModify(node):
            for index in range(int(node.GetParameter(f"{name}.len") or 0)):
                node.SetNodeReferenceID(f"{name}.{index}", None) if isNode else node.UnsetParameter(f"{name}.{index}")
            for index, value in enumerate(values):
                if isNode:
                    node.SetNodeReferenceID(f"{name}.{index}", value.GetID())
                else:
                    node.SetParameter(f"{name}.{index}", value)
            node.SetParameter(f"{name}.len", str(len(values)))

    def read(self):
        node = self.parameterNode
        if not node.GetParameter(f"{name}.len"):
            return list(default or [])
        get = node.GetNodeReference if isNode else node.GetParameter
        return [get(f"{name}.{index}") for index in range(int(node.GetParameter(f"{name}.len")))]

    return property(read, write)


def _connectGui(self, ui):
    import vtk

    bound = {w.property(_PARAMETER): w for w in vars(ui).values() if w.property(_PARAMETER)}

    def show(caller=None, event=None):
        for name, widget in bound.items():
            widget.showParameter(getattr(self, name))

    for name, widget in bound.items():
        assert isinstance(getattr(type(self), name), property), f"there is no parameter {name}"
        for limit in typing.get_args(typing.get_type_hints(type(self), include_extras=True)[name])[1:]:
            limit.prepare(widget)
        widget.onEdited = lambda value, name=name: setattr(self, name, value)
    show()
    tag = self.AddObserver(vtk.vtkCommand.ModifiedEvent, show)
    self._connections[tag] = bound.values()
    return tag


def _disconnectGui(self, tag):
    if tag in self._connections:
        self.RemoveObserver(tag)
        for widget in self._connections.pop(tag):
            widget.onEdited = None


class WithinRange:
    def __init__(self, minimum, maximum):
        self.minimum, self.maximum = minimum, maximum

    def validate(self, value):
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not within {self.minimum} and {self.maximum}")

    def prepare(self, widget):
        widget.minimum, widget.maximum = self.minimum, self.maximum


class Choice:
    def __init__(self, choices):
        self.choices = choices

    def validate(self, value):
        if value not in self.choices:
            raise ValueError(f"{value} is none of {self.choices}")

    def prepare(self, widget):
        widget.clear()
        for choice in self.choices:
            widget.addItem(choice, choice)


#
# The module framework, and the application
#


class ModuleWidget:
    """The C++ side of a module's widget: a parent with a layout."""

    def __init__(self, path: Path):
        self.path, self.isEntered, self.widgets = str(path), False, []

    def layout(self):
        return types.SimpleNamespace(addWidget=self.widgets.append, addStretch=lambda factor: None)


class ScriptedLoadableModule:
    def __init__(self, parent):
        self.parent = parent


class ScriptedLoadableModuleWidget:
    def __init__(self, parent=None):
        super().__init__()
        self.parent, self.layout, self.reloads = parent, parent.layout(), 0

    def setup(self):
        pass

    def resourcePath(self, name):
        return str(Path(self.parent.path).parent / "Resources" / name)

    def onReload(self):
        self.reloads += 1


class ScriptedLoadableModuleTest:
    def __init__(self):
        import unittest

        case = unittest.TestCase()
        for name in ("assertEqual", "assertGreater", "assertRaises"):
            setattr(self, name, getattr(case, name))

    def delayDisplay(self, message):
        pass


class Host:
    """What a test does in the place of Slicer's application."""

    def openModule(self, name: str):
        """Load a module file, build its widget as Slicer does when it is first opened, and enter it."""
        module = __import__(name)
        parent = ModuleWidget(_ROOT / name / f"{name}.py")
        widget = getattr(module, f"{name}Widget")(parent)
        widget.setup()
        self.enter(widget)
        return widget

    def enter(self, widget) -> None:
        widget.parent.isEntered = True
        if hasattr(widget, "enter"):  # Slicer's base class has none
            widget.enter()

    def leave(self, widget) -> None:
        widget.parent.isEntered = False
        widget.exit()

    def spin(self, until, seconds: float = 120) -> list[float]:
        """Fire timers as the event loop does until a condition holds; return the length of each round in seconds."""
        rounds = []
        started = time.monotonic()
        while not until():
            begun = time.monotonic()
            assert begun - started < seconds, f"nothing came of it in {seconds} s"
            for timer in [t for t in QTimer.all if t.active]:
                if timer.active:
                    timer.fire()
            rounds.append(time.monotonic() - begun)
        return rounds


def _connectApp(signal, slot):
    assert signal == "startupCompleted()", signal


def _module(name: str, **content) -> types.ModuleType:
    module = types.ModuleType(name)
    vars(module).update(content)
    return module


def _color(*of):
    return of[0] if len(of) == 1 else of


def _qt() -> types.ModuleType:
    return _module(
        "qt", QTimer=QTimer, QTableWidgetItem=Item, QListWidgetItem=Item, QFile=QFile, QUiLoader=QUiLoader,
        QLabel=_texted("QLabel"), QPushButton=_texted("QPushButton"), QLineEdit=_texted("QLineEdit"),
        QComboBox=_texted("QComboBox"), QCheckBox=_texted("QCheckBox"), QDialog=_texted("QDialog"),
        QVBoxLayout=Layout, QFormLayout=Layout, QPixmap=Pixmap, QFileDialog=FileDialog, QBrush=_color, QColor=_color,
        QHeaderView=types.SimpleNamespace(Stretch=1, ResizeToContents=3),
        QSettings=QSettings, QDesktopServices=Desktop, QUrl=types.SimpleNamespace(fromLocalFile=str),
        QMessageBox=types.SimpleNamespace(Ok=1, Cancel=2, Critical=3, Question=4),
        QApplication=types.SimpleNamespace(clipboard=lambda: Clipboard, mouseButtons=lambda: Mouse.buttons),
        QWidget=types.SimpleNamespace(setTabOrder=lambda first, second: None),
        Qt=types.SimpleNamespace(TextSelectableByMouse=1, ItemIsSelectable=1, ItemIsEditable=2,
                                 ItemIsUserCheckable=16, ItemIsEnabled=32, Unchecked=0, Checked=2,
                                 UserRole=256))


@contextlib.contextmanager
def installed(monkeypatch):
    """Put the stand-ins in place, with a scene of their own, and take them and the modules that saw them away again."""
    ours = ("LDCTDenoise", "LDCTDenoiseTraining", "LDCTDenoiseSlicer", "LDCTDenoiseTrainingSlicer", "trainer_runs")

    def takeModules():
        return {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] in ours}

    assert "qt" not in sys.modules, "this is a desktop already"
    before = takeModules()
    for name, module in {
        "qt": _qt(),
        "slicer.i18n": _module("slicer.i18n", tr=lambda text: text, translate=lambda context, text: text),
        "slicer.ScriptedLoadableModule": _module(
            "slicer.ScriptedLoadableModule", ScriptedLoadableModule=ScriptedLoadableModule,
            ScriptedLoadableModuleWidget=ScriptedLoadableModuleWidget,
            ScriptedLoadableModuleTest=ScriptedLoadableModuleTest),
        "slicer.parameterNodeWrapper": _module(
            "slicer.parameterNodeWrapper", parameterNodeWrapper=parameterNodeWrapper, Choice=Choice,
            WithinRange=WithinRange),
    }.items():
        monkeypatch.setitem(sys.modules, name, module)
    scene = slicer.vtkMRMLScene()
    monkeypatch.setattr(slicer, "mrmlScene", scene, raising=False)
    monkeypatch.setattr(slicer, "app", types.SimpleNamespace(
        applicationName="Slicer", testingEnabled=lambda: True, connect=_connectApp, layoutManager=lambda: None,
        pauseRender=lambda: None, resumeRender=lambda: None), raising=False)
    monkeypatch.setattr(slicer.util, "mainWindow", lambda: None, raising=False)
    monkeypatch.setattr(slicer.util, "settingsValue", lambda key, default: QSettings().value(key) or default,
                        raising=False)
    FileDialog.answer = ""
    try:
        yield Host()
    finally:
        QTimer.all.clear()
        QSettings.kept.clear()
        scene.Clear(1)
        takeModules()
        sys.modules.update(before)
