"""The one stand-in for what Slicer's desktop has and slicer-core lacks: qt, the module framework, the parameter node.

The scene, its nodes and `slicer.util` are slicer-core's own. What is here is the little that this project uses, and it
is strict: an unknown name, property, signal or widget class raises, so that a misspelt one is found without a desktop.
What Slicer itself makes of a right name is for the tests in Slicer to say.
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
from slicer_item_widgets import ITEM_CLASSES, Clipboard, QListWidgetItem, QSettings, QTableWidgetItem
from slicer_widgets import UI_CLASSES, QTimer, TextLabel, Widget

_ROOT = Path(__file__).resolve().parent.parent


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

    def spin(self, until, seconds: float = 20) -> list[float]:
        """Fire timers as the event loop does until a condition holds; return the length of each round in seconds."""
        rounds = []
        started = time.monotonic()
        while not until():
            begun = time.monotonic()
            assert begun - started < seconds, f"nothing came of it in {seconds} s"
            for timer in [t for t in QTimer.all if t.active]:
                if timer.active:
                    timer.emit("timeout()")
            rounds.append(time.monotonic() - begun)
        return rounds


class ModuleWidget:
    """The C++ side of a module's widget: a parent with a layout."""

    def __init__(self, path: Path):
        self.path = str(path)
        self.isEntered = False
        self.widgets = []

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


def parameterNodeWrapper(cls):
    """Give a class of annotations the properties and the binding to widgets of Slicer's parameter node wrapper."""
    for name, annotation in typing.get_type_hints(cls, include_extras=True).items():
        setattr(cls, name, _parameter(name, annotation, cls.__dict__.get(name)))
    for method in (_connectGui, _disconnectGui):
        setattr(cls, method.__name__[1:], method)

    def __init__(self, node):
        self.parameterNode, self._connections = node, {}

    cls.__init__ = __init__
    cls.AddObserver = lambda self, event, call, priority=0.0: self.parameterNode.AddObserver(event, call, priority)
    cls.RemoveObserver = lambda self, tag: self.parameterNode.RemoveObserver(tag)
    return cls


def _parameter(name, annotation, default):
    kind, *limits = typing.get_args(annotation) if typing.get_origin(annotation) is typing.Annotated else [annotation]
    if typing.get_origin(annotation) is list:
        return _list(name, annotation, default)
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

    bound = {w.property("SlicerParameterName"): w for w in vars(ui).values() if w.property("SlicerParameterName")}

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
    widget = {**UI_CLASSES, **ITEM_CLASSES}[element.get("class")](element.get("name"))
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


def _connectApp(signal, slot):
    assert signal == "startupCompleted()", signal


def _module(name: str, **content) -> types.ModuleType:
    module = types.ModuleType(name)
    vars(module).update(content)
    return module


@contextlib.contextmanager
def installed():
    """Put the stand-ins in place, with a scene of their own, and take them and the modules that saw them away again."""
    ours = ("LDCTDenoise", "LDCTDenoiseTraining", "LDCTDenoiseSlicer")

    def takeModules():
        return {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] in ours}

    message = types.SimpleNamespace(Ok=1, Cancel=2, Critical=3, Question=4)
    qt = _module("qt", QTimer=QTimer, QTableWidgetItem=QTableWidgetItem, QFile=QFile, QUiLoader=QUiLoader,
                 QLabel=TextLabel, QMessageBox=message, QListWidgetItem=QListWidgetItem, QSettings=QSettings,
                 QApplication=types.SimpleNamespace(clipboard=lambda: Clipboard),
                 Qt=types.SimpleNamespace(TextSelectableByMouse=1, ItemIsUserCheckable=16, ItemIsEnabled=32, Unchecked=0,
                                          Checked=2))
    modules = {
        "qt": qt,
        "slicer.i18n": _module("slicer.i18n", tr=lambda text: text, translate=lambda context, text: text),
        "slicer.ScriptedLoadableModule": _module(
            "slicer.ScriptedLoadableModule", ScriptedLoadableModule=ScriptedLoadableModule,
            ScriptedLoadableModuleWidget=ScriptedLoadableModuleWidget,
            ScriptedLoadableModuleTest=ScriptedLoadableModuleTest),
        "slicer.parameterNodeWrapper": _module(
            "slicer.parameterNodeWrapper", parameterNodeWrapper=parameterNodeWrapper, Choice=Choice,
            WithinRange=WithinRange),
    }
    assert not any(name in sys.modules for name in modules), "this is a desktop already"
    before = takeModules()
    sys.modules.update(modules)
    slicer.mrmlScene = slicer.vtkMRMLScene()
    slicer.app = types.SimpleNamespace(applicationName="Slicer", testingEnabled=lambda: True, connect=_connectApp,
                                       layoutManager=lambda: None)
    try:
        yield Host()
    finally:
        QTimer.all.clear()
        QSettings.kept.clear()
        slicer.mrmlScene.Clear(1)
        del slicer.mrmlScene, slicer.app
        for name in modules:
            del sys.modules[name]
        takeModules()
        sys.modules.update(before)
