"""The parameter node wrapper of slicer_host: properties on a node, bound to widgets."""

import typing

import slicer
import slicer.util


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
