"""Apply: from what the panel says to a run, and from its result to the views; and how far it has come."""

import time

import slicer
from LDCTDenoiseLib.errors import InputError
from slicer.i18n import tr as _

from .. import dependencies
from ..compared_images import ComparedImages
from ..denoising import isUpToDate
from ..measuring import requireReference
from ..tasks import duration

#: Seconds between two changes of the progress that is shown: each redraws the window, views included.
_BETWEEN = 1.0


class Apply:
    """The run of the ticked methods.

    Parameters
    ----------
    panel : Panel
        Knows parameters, methods and what runs.
    requirements : str
        Path of the module's requirements.txt.
    """

    def __init__(self, panel, requirements: str):
        self._panel, self._requirements = panel, requirements
        self._shown = 0.0

    def start(self) -> None:
        """Check what can be checked at once, ask for what is missing, and start."""
        panel, parameters = self._panel, self._panel.parameters
        low, full = parameters.inputVolume, parameters.referenceVolume
        jobs = panel.methods.jobs()
        outputs = self._outputs(jobs)
        jobs, there = self._missing(jobs)
        if full is not None:
            requireReference(full, {"LDCT": low})
        dependencies.ensurePackages(self._requirements, torch=any(job.isNetwork for job in jobs))
        if not jobs:
            panel.say(_("Nothing to compute: {labels} is there already. To have it made anew, take it from the list.")
                      .format(labels=", ".join(there)))
            panel.refresh()
            return
        started, device = time.monotonic(), parameters.device
        strength, noise = parameters.strength, parameters.noiseLeft

        def denoised(nodes: dict) -> None:
            panel.cost.remember(device, nodes)
            panel.say(_summary(nodes, time.monotonic() - started, there))
            if panel.parameters is not None:
                # If the slider has moved meanwhile, the outputs follow now.
                panel.shownStrength, panel.shownNoise = strength, noise
                if not panel.section.shown:
                    slicer.util.setSliceViewerLayers(background=next(iter(nodes.values())))

        panel.follower.finish()
        task = panel.logic.denoiseAll.task(
            low, [job.method for job in jobs if job.model is None], [job.model for job in jobs if job.model],
            outputs, device, strength, parameters.batch or None, noise or None,
        )
        self._shown = 0.0
        panel.say(_("Getting ready…"))
        panel.run(task, denoised)

    def showProgress(self, state) -> None:
        """Show how far it has come: once a second."""
        now = time.monotonic()
        if now - self._shown < _BETWEEN or state is None:
            return
        if not self._shown:
            self._panel.say("")  # no longer getting ready
        self._shown = now
        # In the bar and not in the line below it, whose new text would have the whole panel laid out anew. And drawn
        # once: with views in the window, any change in it has all of it composed again.
        bar = self._panel.ui.progressBar
        bar.setUpdatesEnabled(False)
        bar.setFormat(_inWords(state) if hasattr(state, "progress") else getattr(state, "text", "%p%"))
        bar.value = int(100 * state.fraction)
        bar.setUpdatesEnabled(True)

    def _outputs(self, jobs) -> dict:
        """Return the nodes to fill: what an earlier run of the same method made, or what is chosen for the only one."""
        parameters = self._panel.parameters
        output = parameters.outputVolume
        if len(jobs) == 1 and output is not None:
            if output is parameters.referenceVolume:
                raise InputError(_("The output is the full-dose reference; choose another output, so that it is kept."))
            return {jobs[0].label: output}
        made = {job.label: self._panel.list.madeBy(job.label) for job in jobs}
        return {label: node for label, node in made.items() if node is not None}

    def _missing(self, jobs) -> tuple[list, list[str]]:
        """Return the jobs whose outputs are not there yet, and the labels of the others; those are ticked."""
        parameters, listed = self._panel.parameters, ComparedImages(self._panel.parameters.inputVolume)
        if len(jobs) == 1 and parameters.outputVolume not in (None, listed.madeBy(jobs[0].label)):
            return jobs, []
        missing = [job for job in jobs if not isUpToDate(listed.madeBy(job.label), parameters.inputVolume, job)]
        there = [job.label for job in jobs if job not in missing]
        for label in there:
            listed.change(listed.madeBy(label), shown=True)
        return missing, there


def _inWords(state) -> str:
    """Return how far a run has come, with the time that is left."""
    progress = state.progress
    parts = dict(label=state.label, number=state.number, count=state.count, done=progress.done, of=progress.of,
                 duration=duration(progress.seconds_left))
    if state.count > 1:
        return _("{label} ({number} of {count}): {done} of {of} slices, {duration} left").format(**parts)
    return _("{label}: {done} of {of} slices, {duration} left").format(**parts)


def _summary(nodes: dict, seconds: float, there: list[str]) -> str:
    """Return what a run has made, and where, in words."""
    devices = list(dict.fromkeys(node.GetAttribute("LDCTDenoise.Device") for node in nodes.values()))
    text = _("{outputs}: on {devices}, {duration}.").format(
        outputs=", ".join(f"'{node.GetName()}'" for node in nodes.values()), devices=" and ".join(devices),
        duration=duration(seconds),
    )
    notices = dict.fromkeys(n for n in (node.GetAttribute("LDCTDenoise.Notices") for node in nodes.values()) if n)
    kept = [_("{labels} was there already.").format(labels=", ".join(there))] if there else []
    return " ".join([text, *kept, *notices])
