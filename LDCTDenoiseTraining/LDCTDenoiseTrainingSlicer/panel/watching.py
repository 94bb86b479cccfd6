"""What is watched in the views: a chart of the ticked runs, and below it the selected run's last validation slice."""

from slicer.i18n import tr as _

from ..monitoring.slices import SliceVolumes, pictureState, readPicture
from .views_beside import ViewsBeside


class Watching:
    """Shows a chart and a slice; what has not changed is not read again.

    Parameters
    ----------
    views : ViewsBeside
    """

    def __init__(self, views: ViewsBeside):
        self._views, self._volumes = views, SliceVolumes()
        self._seen: tuple | None = None
        self._slices: dict = {}

    @property
    def shown(self) -> bool:
        return self._views.owner is self

    def show(self, chart, run) -> None:
        """Show a vtkMRMLPlotChartNode, and the last validation slice of a run or of none."""
        seen = run and (run, pictureState(run.folder))
        if seen != self._seen or not self.shown:
            self._seen, found = seen, run and readPicture(run.folder)
            captions = {"low": _("low dose"), "result": _("denoised, step {step}"), "full": _("full dose")}
            self._slices = self._volumes.show(
                {captions[name].format(step=f"{found[0]:,}"): volume for name, volume in found[1].items()}
                if found else {})
        self._views.show(self, self._slices, chart)

    def forget(self) -> None:
        """A scene comes or goes: the next `show` reads and shows all anew."""
        self._views.forget()
        self._seen = None

    def hide(self) -> None:
        """Put the user's layout back."""
        self._views.hide(self)
        self._volumes.clear()
        self._seen, self._slices = None, {}
