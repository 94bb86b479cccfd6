"""The preview: one slice at a time, the newest first, in the views that are there."""

import slicer

from ..nodes import INPUT_ROLE, removeVolume
from ..preview import Previews
from ..task_runner import TaskRunner


class PreviewControl:
    """Keeps the previews of the slice in view up to date.

    Parameters
    ----------
    view : ViewedSlice
        Which slice that is.
    guarded : callable
        Called with a step to do; shows what goes wrong.
    onShown : callable
        Called when previews have come, changed or gone.
    """

    def __init__(self, view, guarded, onShown):
        self._view, self._guarded, self._onShown = view, guarded, onShown
        self._previews = Previews()
        self._runner = TaskRunner(self._guardedRun, lambda: None)
        self._wanted = None
        self._failed = None

    @property
    def nodes(self) -> dict:
        """The previews' nodes by the methods' labels; empty when there is no preview."""
        return self._previews.nodes

    def update(self, wanted: dict | None) -> None:
        """Show the previews of the slice in view, and compute what is not known yet.

        Parameters
        ----------
        wanted : dict or None
            inputVolume, jobs, device and strength; None takes the previews away.
        """
        self._wanted = wanted
        if wanted is None:
            self._runner.stop()
            self._clear()
            return
        self._next()

    def close(self) -> None:
        self._wanted = None
        self._runner.close()
        self._clear()

    def _next(self) -> None:
        wanted, k = self._wanted, self._view.sliceIndex
        if wanted is None or k is None:
            return
        choice = (wanted["inputVolume"], k, wanted["jobs"], wanted["device"])
        self._remove(self._previews.show(*choice, wanted["strength"]))
        # One at a time: what has been scrolled past is not begun.
        if self._runner.running or choice == self._failed:
            return
        task = self._previews.task(*choice)
        if task is not None:
            self._failed = choice
            self._runner.run(task, self._arrived)

    def _arrived(self, found) -> None:
        self._failed = None
        self._next()
        self._onShown()

    def _guardedRun(self, step) -> None:
        self._guarded(step)
        # After an error, too: perhaps another slice can be denoised.
        if not self._runner.running:
            self._next()

    def _clear(self) -> None:
        self._remove(self._previews.drop())

    def _remove(self, nodes) -> None:
        """Take previews out of the views, and then out of the scene."""
        if not nodes:
            return
        self._onShown()
        nodes = [node for node in nodes if node.GetScene() is not None]
        ids = {node.GetID() for node in nodes}
        for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            if composite.GetBackgroundVolumeID() in ids:
                source = slicer.mrmlScene.GetNodeByID(composite.GetBackgroundVolumeID()).GetNodeReference(INPUT_ROLE)
                composite.SetBackgroundVolumeID(source.GetID() if source is not None else None)
        for node in nodes:
            removeVolume(node)
