"""The training: one loop, from top to bottom."""

import time
from pathlib import Path

import torch
from LDCTDenoiseLib.engine import choose_device
from LDCTDenoiseLib.errors import InputError, OutputError, disk_errors
from LDCTDenoiseLib.hounsfield import HURange

from ..cpu import correction_on_cores, keep_freed_memory
from ..data import cache_scans
from ..data.batches import batches_of_steps
from ..data.patches import Batch
from ..losses import absolute_error, gradient_penalty, mean_error, ssim_error, tissue_error
from ..patients import PatientSet, write_patient_set
from .card import write_model
from .config import CHECKPOINT, CONFIG, MODEL, PATIENTS, TrainingConfig
from .failures import failures_named, require_numbers, warn_if_worse
from .log import CRITIC_NOTE, RunLog
from .picture import save_picture
from .processes import Processes
from .source import make_source
from .state import State
from .stopping import STOP_FILE, Stops
from .validate import score, validate, validation_slices


class Training:
    """One training of one method on a patient set; `run` does it, or goes on with it.

    Parameters
    ----------
    patients : PatientSet
        Scans with the role "train" train, those with the role "validation" choose the best state.
    config : TrainingConfig
    output : Path
        The run's folder: config.json, checkpoint.pt, model.safetensors (the best so far), log.jsonl, tensorboard/.
    cache : Path, optional
        Folder of the cached volumes and noise; runs may share one. Default: `output`/cache.
    device : str
        "auto", "cpu", "cuda", "cuda:N" or "mps".
    resume : bool
        Go on from the folder's checkpoint, when there is one.
    json_lines : bool
        Progress as JSON on standard output instead of a bar.
    processes : Processes
        This one among those that train together.
    stop_file : Path, optional
        When this file appears, a training of one process writes a checkpoint and ends. Default: `output`/stop.

    Raises
    ------
    LDCTError
        With what is wrong with patients, config or folder.
    """

    def __init__(
        self,
        patients: PatientSet,
        config: TrainingConfig,
        output: Path,
        *,
        cache: Path | None = None,
        device: str = "auto",
        resume: bool = False,
        json_lines: bool = False,
        processes: Processes | None = None,
        stop_file: Path | None = None,
    ):
        self.processes = processes or Processes()
        if device in ("auto", "cuda") and torch.cuda.is_available():
            device = f"cuda:{self.processes.local_rank % torch.cuda.device_count()}"
        self.device = choose_device(device)
        self.config, self.output = config, Path(output)
        self.patients = patients.at_dose(config.dose) if any(config.dose) else patients
        self.cache = Path(cache or self.output / "cache")
        self._stops = Stops(Path(stop_file or self.output / STOP_FILE), self.output / CHECKPOINT,
                            self.processes.size == 1)
        self._share = self.processes.share(config.batch)
        self._resume = resume
        self._json_lines = json_lines
        self._range = HURange(*config.hu_range)
        self._half = self.device.name.startswith("cuda") and config.precision == "auto"
        if self._half:
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
            torch.backends.cudnn.benchmark = True
        if self.device.is_cpu:
            keep_freed_memory()
        self._prepare_folder()

    @property
    def simulation_device(self) -> str:
        """Where low dose is simulated: on the GPU of a CUDA training, else on the CPU."""
        return self.device.name if self.device.name.startswith("cuda") else "cpu"

    def _prepare_folder(self) -> None:
        if not self._resume and (self.output / CHECKPOINT).exists():
            raise InputError(f"'{self.output}' holds a training already; go on with --resume, or give another folder.")
        if self.processes.first:
            with disk_errors(OutputError, f"cannot make the folder '{self.output}'"):
                self.output.mkdir(parents=True, exist_ok=True)
            self.config.write(self.output / CONFIG)
            write_patient_set(self.patients, self.output / PATIENTS)
        self.processes.wait_for_all()

    def run(self) -> Path:
        """Train to the end and return the model file of the best state.

        Raises
        ------
        LDCTError
            When it cannot go on: data that vanished, a full disk, NaN. The last checkpoint is whole then.
        KeyboardInterrupt
            When the stop file appeared; a checkpoint has been written.
        """
        state = State(self.config, self.device.name)
        if (self.output / CHECKPOINT).exists():
            state.load(self.output / CHECKPOINT)
        log = RunLog(self.output, self.processes.first, self._json_lines, state.step)
        try:
            with failures_named(self.device, self.config):
                log.record(step=state.step, of=self.config.total_steps, device=str(self.device),
                           processes=self.processes.size, threads=torch.get_num_threads())
                if self.config.adversarial:
                    log.note(CRITIC_NOTE)
                scans = self._cached(state, log)
                self._train(state, scans, log)
        finally:
            log.close()
        return self.output / MODEL

    def _cached(self, state: State, log: RunLog):
        """Cache the scans, one process a machine; the others find them done."""
        for turn in (True, False):
            if turn == (self.processes.local_rank == 0):
                with self._stops.within(state, log):
                    scans = cache_scans(self.patients, self.cache, self.config.patch,
                                        self._stops.teller("reading scans", state, log))
            self.processes.wait_for_all()
        return scans

    def _train(self, state: State, scans, log: RunLog) -> None:
        config, total = self.config, self.config.total_steps
        source = make_source(config, scans, self.simulation_device)
        noise, training = source.noise, source.scans
        slices = self._validation_slices(scans, state, log) if self.processes.first else []
        if state.unvalidated and slices:
            self._validate(state, slices, training, log)
            state.save(self.output / CHECKPOINT)
        workers = config.workers if config.workers >= 0 else (0 if self.device.is_cpu else 8)
        batches = config.step_batches
        makes_noise = self.processes.local_rank == 0
        started, first = time.monotonic(), state.step
        began = started - state.seconds
        sums, since = {}, state.step
        try:
            while state.step < total:
                generation = source.generation(state.step)
                noise.wait(generation, makes_noise, self._stops.teller("simulating low dose", state, log))
                if state.step == first:  # waited for once: it says nothing about the steps to come
                    started = time.monotonic()
                end = min(total, (generation + 1) * config.noise_refresh)
                if makes_noise and end < total:
                    noise.start(generation + 1)
                steps = range(state.step, end)
                pinned = self.device.name.startswith("cuda")
                for drawn in batches_of_steps(source, steps, batches, config.batch, self._share, workers, pinned):
                    with self._stops.within(state, log, step=True):
                        step_losses = self.step(state, drawn)
                    for name, loss in step_losses.items():
                        sums[name] = sums.get(name, 0) + loss
                    state.step += 1
                    state.seconds = time.monotonic() - began
                    last = state.step == total
                    if state.step % config.log_every == 0 or state.step == config.critic_alone or last:
                        seconds = time.monotonic() - started
                        done = state.step - first
                        losses = {k: float(self.processes.mean(v)) / (state.step - since) for k, v in sums.items()}
                        sums, since = {}, state.step
                        require_numbers(losses, state.step)
                        log.record(step=state.step, of=total, losses=losses, seconds=round(state.seconds, 1),
                                   seconds_left=round(seconds / done * (total - state.step), 1),
                                   patches_per_second=round(done * batches * config.batch / seconds, 1))
                        log.progress(config.method, state.step, total, **losses)
                    due = state.step % config.validation_steps == 0 or last
                    if self.processes.first:
                        if due and slices:
                            self._validate(state, slices, training, log)
                        if last and not slices:
                            write_model(self.output / MODEL, state, self.patients, training, {}, str(self.device))
                        if due or state.step % config.checkpoint_every == 0:
                            state.save(self.output / CHECKPOINT)
                    if not last:
                        self._stops.here(state, log)
        finally:
            noise.close()
        if self.processes.first and state.best:
            warn_if_worse(state.best["validation"], config.method, log)
        self.processes.wait_for_all()

    def _validation_slices(self, scans, state: State, log: RunLog):
        validating = [s for s in scans if s.scan.role == "validation"]
        if not validating:
            log.note("nobody validates, so the last state is the result; name patients with --validation.")
        tell, slices = self._stops.teller("validation slices", state, log), []
        for done, scan in enumerate(validating, start=1):
            with self._stops.within(state, log):
                slices.append(validation_slices(scan, self.config, self.config.validation_slices))
            tell(done, len(validating))
        return slices

    def step(self, state: State, drawn: list[Batch]) -> dict[str, torch.Tensor]:
        """Do the critic's steps and, unless it learns alone, the generator's; return their losses."""
        for optimiser in state.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = self.config.rate(state.step)
        losses: dict[str, torch.Tensor] = {}
        alone = state.step < self.config.critic_alone
        critics = drawn if alone else drawn[:-1]
        for batch in critics:
            for name, loss in self._critic_step(state, batch).items():
                losses[name] = losses.get(name, 0) + loss / len(critics)
        if not alone:
            losses |= self._generator_step(state, drawn[-1])
        self.processes.align(state.parameters(), state.step + 1)
        state.update_average()
        return losses

    def _critic_step(self, state: State, batch: Batch) -> dict[str, torch.Tensor]:
        with torch.no_grad():
            fake = self._contrast(self._generate(state, batch))
        real = self._contrast(self._unit(batch.full[:, None]))
        state.optimisers["critic"].zero_grad(set_to_none=True)
        wasserstein = state.critic(real).mean() - state.critic(fake).mean()
        penalty = gradient_penalty(state.critic, real, fake, batch.mix.to(real.device))
        loss = self.config.penalty_weight * penalty - wasserstein
        loss.backward()
        self.processes.average_gradients(state.critic.parameters())
        state.optimisers["critic"].step()
        return {"critic": loss.detach(), "wasserstein": wasserstein.detach(), "penalty": penalty.detach()}

    def _generator_step(self, state: State, batch: Batch) -> dict[str, torch.Tensor]:
        config = self.config
        full = batch.full[:, None]
        output, target = self._contrast(self._generate(state, batch)), self._contrast(self._unit(full))
        inside = slice(config.margin, config.patch - config.margin)
        images = output, target, self._hounsfield(full)
        inner, wanted, hounsfield = (image[..., inside, inside] for image in images)
        losses = {"l1": absolute_error(inner, wanted, config.outside_weight)}
        if config.ssim_weight:
            losses["ssim"] = ssim_error(inner, wanted)
        if config.mean_weight:
            losses["mean"] = mean_error(inner, wanted, config.mean_block)
        if config.tissue_weight:
            losses["tissue"] = tissue_error(inner, wanted, hounsfield, config.bone_weight)
        loss = sum(getattr(config, f"{name}_weight") * value for name, value in losses.items())
        if state.critic is not None:
            state.critic.requires_grad_(False)  # its weights are not this step's business
            losses["score"] = state.critic(output).mean()
            loss = loss - losses["score"]
        state.optimisers["generator"].zero_grad(set_to_none=True)
        loss.backward()
        if state.critic is not None:
            state.critic.requires_grad_(True)
        self.processes.average_gradients(state.generator.parameters())
        state.optimisers["generator"].step()
        return {"generator": loss.detach(), **{k: v.detach() for k, v in losses.items()}}

    def _generate(self, state: State, batch: Batch) -> torch.Tensor:
        """Return G(low); half precision touches the correction only, the residual is added in float32."""
        image = self._unit(batch.low)
        low = state.generator.slice_of(image)
        if self.config.noise_level:
            level = batch.level.to(low.device)[:, None, None, None].expand_as(low)
            image = torch.cat((image, level), 1).contiguous(memory_format=torch.channels_last)
        if self.device.is_cpu:
            return low + correction_on_cores(state.generator, image)
        with torch.autocast(low.device.type, torch.bfloat16, enabled=self._half):
            correction = state.generator.correction(image)
        return low + correction.float()

    def _hounsfield(self, values: torch.Tensor) -> torch.Tensor:
        return values.to(self.device.name, non_blocking=True).float()

    def _unit(self, values: torch.Tensor) -> torch.Tensor:
        return self._range.to_unit(self._hounsfield(values)).contiguous(memory_format=torch.channels_last)

    def _contrast(self, unit: torch.Tensor) -> torch.Tensor:
        """Map the network's scale to that of losses and critic, in which texture is visible; nothing is clipped."""
        lower, upper = self.config.loss_window
        return (unit * self._range.width + (self._range.lower - lower)) / (upper - lower)

    def _validate(self, state: State, slices, training, log: RunLog) -> None:
        state.require_finite()
        state.unvalidated = True  # a stop in the middle of it does not lose it
        with self._stops.within(state, log):
            validation = validate(state.result, slices, self.config, self.device.name,
                                  self._stops.teller("validation", state, log),
                                  lambda part, output: save_picture(self.output, state.step, part, output))
        state.unvalidated = False
        value = score(validation, self.config, state.step)
        better = not state.best or value > state.best["score"]
        log.record(step=state.step, of=self.config.total_steps, validation=validation, best=better)
        if better:
            state.best = {"score": value, "step": state.step, "validation": validation}
            write_model(self.output / MODEL, state, self.patients, training, validation, str(self.device))
