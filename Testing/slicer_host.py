"""The one stand-in for what Slicer's desktop has and slicer-core lacks: qt, the module framework, the parameter node.

The scene, its nodes and `slicer.util` are slicer-core's own. What is here is the little that this project uses, and it
is strict: an unknown name, property, signal or widget class raises, so that a misspelt one is found without a desktop.
What Slicer itself makes of a right name is for the tests in Slicer to say.
"""

import contextlib
import sys
import time
import types
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import slicer
import slicer.util  # before the stand-ins: it must find slicer-core as it is
from slicer_item_widgets import ITEM_CLASSES, Clipboard, QListWidgetItem, QSettings, QTableWidgetItem
from slicer_parameters import Choice, WithinRange, parameterNodeWrapper
from slicer_widgets import UI_CLASSES, QPushButton, QTimer, TextLabel, Widget

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

    def spin(self, until, seconds: float = 60) -> list[float]:
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
                 QLabel=TextLabel, QPushButton=QPushButton, QMessageBox=message, QListWidgetItem=QListWidgetItem,
                 QSettings=QSettings, QApplication=types.SimpleNamespace(clipboard=lambda: Clipboard),
                 Qt=types.SimpleNamespace(
                     TextSelectableByMouse=1, ItemIsUserCheckable=16, ItemIsEnabled=32, Unchecked=0, Checked=2))
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
                                       layoutManager=lambda: None, pauseRender=lambda: None, resumeRender=lambda: None)
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
