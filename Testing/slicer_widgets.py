"""The widgets of slicer_host: properties, signals and methods as far as this project uses them, and no more."""

import types

import slicer

_ANY = {"visible": True, "enabled": True, "toolTip": "", "geometry": None, "sizePolicy": None}


class Widget:
    """A widget with the properties and signals of its class; any other name raises `AttributeError`."""

    properties: dict = {}
    signals: tuple = ()

    def __init__(self, name=""):
        own = {"name": name, "childWidgets": [], "columns": 0, "onEdited": None, "_dynamic": {}, "_slots": [],
               "_blocked": False, "placed": [], "_values": {**_ANY, **self.properties}}
        for key, value in own.items():
            object.__setattr__(self, key, value)

    def __getattr__(self, name):
        values = object.__getattribute__(self, "_values")
        if name in values:
            return values[name]
        raise AttributeError(f"{type(self).__name__} has no '{name}'")

    def __setattr__(self, name, value):
        if name in self._values:
            changed = self._values[name] != value
            self._values[name] = value
            if changed:
                self.changed(name, value)
        elif name in self.__dict__:
            object.__setattr__(self, name, value)
        else:
            raise AttributeError(f"{type(self).__name__} has no '{name}'")

    def load(self, name, element, dynamic):
        """Take a property of a .ui file."""
        text = (element.text or "").strip()
        read = {"bool": lambda t: t == "true", "number": float, "double": float}.get(element.tag, str)
        value = read(text)
        if dynamic:
            self._dynamic[name] = value
        elif name not in self._values:
            raise AttributeError(f"{type(self).__name__} has no property '{name}'")
        else:
            self._values[name] = value

    def children(self):
        return self.childWidgets

    def layout(self):
        return types.SimpleNamespace(addWidget=self.placed.append)

    def property(self, name):
        return self._dynamic.get(name)

    def connect(self, signal, slot):
        if signal not in self.signals:
            raise AttributeError(f"{type(self).__name__} has no signal '{signal}'")
        self._slots.append((signal, slot))

    def emit(self, signal, *arguments):
        for known, slot in self._slots:
            if known == signal and not self._blocked:
                slot(*arguments)

    def blockSignals(self, blocked):
        was, self._blocked = self._blocked, blocked
        return was

    def edited(self, value):
        """The value of a bound widget has changed."""
        if self.onEdited is not None and not self._blocked:
            self.onEdited(value)

    def changed(self, name, value):
        pass


class QWidget(Widget):
    pass


class qMRMLWidget(Widget):
    def setMRMLScene(self, scene):
        assert scene is slicer.mrmlScene


class QLabel(Widget):
    properties = {"text": "", "wordWrap": False, "textInteractionFlags": None, "buddy": None}


class TextLabel(QLabel):
    """A label made in code, which takes its text and not its name."""

    def __init__(self, text=""):
        super().__init__()
        self.text = text


class QPushButton(Widget):
    properties = {"text": "", "checkable": False, "checked": False}
    signals = ("clicked(bool)",)

    def click(self):
        """Press it, if it can be pressed."""
        if self.enabled:
            if self.checkable:
                self.checked = not self.checked
            self.emit("clicked(bool)", self.checked)

    def showParameter(self, value):
        self.checked = value

    def changed(self, name, value):
        if name == "checked":
            self.edited(value)


class QProgressBar(Widget):
    properties = {"value": 0, "minimum": 0, "maximum": 100, "format": "%p%"}

    def setRange(self, minimum, maximum):
        self.minimum, self.maximum = minimum, maximum

    def setFormat(self, text):
        self.format = text

    def setUpdatesEnabled(self, enabled):
        assert isinstance(enabled, bool)


class ctkCollapsibleButton(Widget):
    properties = {"text": "", "collapsed": False}
    signals = ("contentsCollapsed(bool)",)

    def changed(self, name, value):
        if name == "collapsed":
            self.emit("contentsCollapsed(bool)", value)


class ctkSliderWidget(Widget):
    properties = {"value": 0.0, "minimum": 0.0, "maximum": 100.0, "decimals": 2, "singleStep": 1.0, "pageStep": 10.0}

    def showParameter(self, value):
        self.value = value

    def changed(self, name, value):
        if name == "value":
            self.edited(value)


class QComboBox(Widget):
    properties = {"currentIndex": -1, "sizeAdjustPolicy": None, "minimumContentsLength": 0}
    signals = ("currentIndexChanged(int)", "activated(int)")

    def __init__(self, name=""):
        super().__init__(name)
        object.__setattr__(self, "items", [])

    @property
    def count(self):
        return len(self.items)

    def clear(self):
        self.items.clear()
        self.currentIndex = -1

    def addItem(self, text, data=None):
        self.items.append((text, data))
        if len(self.items) == 1:
            self.currentIndex = 0

    def removeItem(self, index):
        del self.items[index]

    def itemData(self, index):
        return self.items[index][1]

    def setCurrentIndex(self, index):
        self.currentIndex = index

    def choose(self, data):
        """Choose an entry as the user does."""
        self.currentIndex = [d for _, d in self.items].index(data)

    def showParameter(self, value):
        self.currentIndex = [d for _, d in self.items].index(value)

    def changed(self, name, value):
        if name == "currentIndex":
            self.emit("currentIndexChanged(int)", value)
            if value >= 0:
                self.edited(self.itemData(value))


class qMRMLNodeComboBox(Widget):
    properties = {"nodeTypes": "", "showChildNodeTypes": True, "noneEnabled": False, "noneDisplay": "",
                  "addEnabled": True, "removeEnabled": True, "renameEnabled": False, "baseName": ""}

    def __init__(self, name=""):
        super().__init__(name)
        object.__setattr__(self, "node", None)

    def setCurrentNode(self, node):
        changed = node is not self.node
        object.__setattr__(self, "node", node)
        if changed:
            self.edited(node)

    def currentNode(self):
        return self.node

    showParameter = setCurrentNode


class QTimer(Widget):
    signals = ("timeout()",)
    #: Every timer made, for the host's event loop.
    all: list = []

    def __init__(self):
        super().__init__()
        object.__setattr__(self, "active", False)
        object.__setattr__(self, "single", False)
        QTimer.all.append(self)

    def setInterval(self, milliseconds):
        assert milliseconds < 50

    def setSingleShot(self, single):
        self.single = single

    def fire(self):
        self.active = not self.single
        self.emit("timeout()")

    def start(self):
        self.active = True

    def stop(self):
        self.active = False


UI_CLASSES = {
    cls.__name__: cls
    for cls in (QWidget, qMRMLWidget, QLabel, QPushButton, QProgressBar, ctkCollapsibleButton, ctkSliderWidget,
                QComboBox, qMRMLNodeComboBox)
}
