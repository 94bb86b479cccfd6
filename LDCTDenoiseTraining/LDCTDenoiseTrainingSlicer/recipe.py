"""Every setting of a training in words, with the reason for its default (docs/training.md); recipes that ship."""

from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

from LDCTDenoiseLib.methods import METHOD
from LDCTDenoiseTrainingLib import recipes as shipped
from LDCTDenoiseTrainingLib.training.config import TrainingConfig, read_settings
from slicer.i18n import tr as _


class Words(NamedTuple):
    label: str
    reason: str


#: The two ways to say how long a training is; the panel asks for one.
LENGTH = ("steps", "epochs")

#: The settings that most people look at, in the order of the panel; the others follow below them.
MAIN = ("patch", "batch", "learning_rate", "l1_weight", "penalty_weight", "critic_steps", "critic_first", "seed",
        "workers")

#: Settings of the critic, which the L1 methods have not.
_ADVERSARIAL = ("penalty_weight", "critic_steps", "critic_first", "least_gain_db")

#: Values that stand for something else, as texts, and what they stand for; an empty field has them.
CODES = {
    "workers": ("-1", _("automatic")),
    "loss_margin": ("-1", _("automatic")),
    "ssim_weight": ("0", _("none")),
    "dose": ("0, 0", _("as each patient has it")),
    "thickness": ("0", _("none are averaged")),
    "noise_slices": ("0", _("all")),
    "validate_every": ("0", _("automatic")),
    "tissue_weight": ("0", _("none")),
    "mean_weight": ("0", _("none")),
    "generator_average": ("0", _("none")),
    "critic_first": ("0", _("none")),
    "lesions": ("0", _("none")),
    "validation_photons": ("0", _("the scan's own")),
    "validation_kernel": ("0", _("the scan's own")),
    "start_from": ("", _("automatic")),
}

#: Settings with a few values to choose from, in words.
CHOICES = {
    "select_by": {"psnr": "PSNR", "ssim": "SSIM", "rmse": "RMSE", "texture": _("texture"), "last": _("the last state")},
    "precision": {"auto": _("automatic"), "float32": "float32"},
    "optimiser": {"soap": "SOAP", "adam": "Adam"},
    "noise_level": {"False": _("no"), "True": _("yes")},
}

WORDS = {
    "patch": Words(
        _("Patch side (pixels)"),
        _("Side of the square pieces that the network learns from; the paper's 80."),
    ),
    "batch": Words(
        _("Batch (patches)"),
        _("Pairs of patches a step; the paper's 128. Less needs less memory and is noisier: take more steps then."),
    ),
    "steps": Words(_("Steps"), _("Steps of the generator, each on one batch.")),
    "epochs": Words(_("Epochs"), _("Passes over the training pairs; the paper's networks settle within 10.")),
    "learning_rate": Words(
        _("Learning rate"),
        _("2e-3 for L1 methods, with warm-up and cosine decay; 1e-4 for adversarial ones, where faster is "
          "unstable. The papers' 1e-5 without decay needs many times the steps."),
    ),
    "l1_weight": Words(
        _("λ1, weight of L1"),
        _("Weight of the mean absolute error: 1 for the L1 methods, 0 for WGAN, which has none in the original, "
          "100 for DCSWGAN, which holds it to the true HU."),
    ),
    "penalty_weight": Words(_("λ, gradient penalty"), _("Weight of the critic's gradient penalty: 10, as in WGAN-GP.")),
    "critic_steps": Words(
        _("Critic steps"),
        _("Steps of the critic for each of the generator: 4, so that the critic is ahead."),
    ),
    "critic_first": Words(
        _("Steps of the critic alone"),
        _("So many of the steps the generator rests at the beginning, until the critic tells its images from full "
          "dose: the more alike they are, the longer it takes."),
    ),
    "seed": Words(_("Seed"), _("The same seed gives the same patches and, on a CPU, the same weights.")),
    "workers": Words(_("Workers"), _("Processes that cut patches; automatic: none on a CPU, up to 8 with a GPU.")),
    "hu_range": Words(
        _("HU range"),
        _("HU that the network sees as 0 and 1: the 12-bit range of CT, so that nothing is cut."),
    ),
    "training_pairs": Words(_("Pairs of an epoch"), _("499,996 in the paper; what an epoch is counted in.")),
    "validation_pairs": Words(
        _("Validation patches"),
        _("5,096 in the paper; patches that the validation loss is taken on."),
    ),
    "optimiser": Words(
        _("Optimiser"),
        _("SOAP learns in hundreds of steps what Adam learns in thousands; measured for L1 methods only."),
    ),
    "final_rate": Words(_("Final rate"), _("The learning rate falls along half a cosine to this part of itself.")),
    "warmup_steps": Words(
        _("Warm-up steps"),
        _("Steps over which the learning rate rises; without it a rate of 2e-3 can throw the first weights away."),
    ),
    "betas": Words(
        _("Adam betas"),
        _("Of Adam, and of SOAP for biases and slopes: 0.9, 0.999 for L1 methods; 0.5, 0.9 for adversarial ones, as "
          "in WGAN-GP."),
    ),
    "loss_window": Words(
        _("Loss window (HU)"),
        _("HU that losses and critic see as 0 and 1, unclipped. Over the network's whole range the texture is "
          "too small for a critic to find."),
    ),
    "outside_weight": Words(
        _("Weight outside the window"),
        _("How much voxels of lung, air and dense bone count in L1. They are most of a chest and do not show in a "
          "soft-tissue window: less than 1 leaves more of the network to soft tissue."),
    ),
    "loss_margin": Words(
        _("Margin of patches (pixels)"),
        _("Pixels along a patch's edges that L1 and the means leave out: the network sees less there than in a slice. "
          "It sees 8 pixels around each; automatic: 8, at most a quarter of the patch."),
    ),
    "ssim_weight": Words(
        _("Weight of SSIM"),
        _("Weight of 1 - SSIM beside L1: it holds structure that PSNR does not see."),
    ),
    "mean_weight": Words(
        _("Weight of means"),
        _("Weight of the error of block means: it holds the mean HU, which an adversarial loss lets drift. None "
          "for L1 methods."),
    ),
    "mean_block": Words(_("Block of means (pixels)"), _("Side of the blocks whose means are held.")),
    "tissue_weight": Words(
        _("Weight of tissues"),
        _("Weight of the error of the means of tissues, which holds bone and contrast-filled vessels."),
    ),
    "bone_weight": Words(
        _("Weight of bone"),
        _("How much bone and contrast-filled vessels count beside each other tissue."),
    ),
    "generator_average": Words(
        _("Average of weights"),
        _("Decay of a running mean of the weights that is validated in their place."),
    ),
    "least_body": Words(_("Least body"), _("A patch with less of the body than this part is mostly air.")),
    "keep_air": Words(
        _("Keep air"),
        _("Probability with which a patch of air is kept all the same: air must stay air."),
    ),
    "bone_patches": Words(
        _("Patches with bone"),
        _("Share of patches that are moved to show bone or contrast-filled vessels, which are rare."),
    ),
    "dose": Words(
        _("Doses"),
        _("Range of doses that all simulated patients are trained at, whatever the table of patients says: 0.08, 0.8."),
    ),
    "full_dose": Words(
        _("Share at full dose"),
        _("Part of the simulated patches that has no noise added: what is at full dose already is to stay as it is."),
    ),
    "kernel_boost": Words(
        _("Sharper kernels up to"),
        _("Half of the patches are shown as by a sharper kernel, the finest detail up to 1 + this times as strong: few "
          "scans of a set have one."),
    ),
    "noise_level": Words(
        _("Reads the noise level"),
        _("The network is told how much noisier a scan is than others of its kernel and slices."),
    ),
    "thickness": Words(
        _("Slices averaged up to (mm)"),
        _("Neighbouring slices are averaged to thicker ones at random: the network then knows thin and thick slices."),
    ),
    "scale": Words(_("Pixels scaled by"), _("The pixels' size is changed at random between these two factors.")),
    "lesions": Words(
        _("Lesions drawn a slice"),
        _("Low-contrast disks and blobs that are drawn into low and full dose alike: the network is to keep such."),
    ),
    "noise_slices": Words(_("Slices of a scan"), _("How many slices of each scan one generation of noise holds.")),
    "dose_jitter": Words(_("Dose jitter"), _("Each patch's simulated dose is changed by up to this factor.")),
    "noise_generations": Words(
        _("Noise generations"),
        _("Simulated noise is made so many times, and then used again."),
    ),
    "noise_refresh": Words(_("Noise refresh (steps)"), _("Steps that one generation of noise serves.")),
    "noise_workers": Words(_("Noise workers"), _("Processes that simulate the next generation meanwhile.")),
    "precision": Words(
        _("Precision"),
        _("Automatic: bfloat16 for the correction on CUDA, which is faster; float32 insists."),
    ),
    "log_every": Words(_("Log every (steps)"), _("Steps between two points of the loss curve.")),
    "checkpoint_every": Words(_("Checkpoint every (steps)"), _("What is lost at most when the process is killed.")),
    "validate_every": Words(
        _("Validate every (steps)"),
        _("Automatic: twenty times in the training, and at least each epoch."),
    ),
    "validation_slices": Words(_("Validation slices"), _("Whole slices of each validation scan that are measured.")),
    "validation_dose": Words(
        _("Validation dose"),
        _("Fixed dose of simulated validation patients, so that numbers compare."),
    ),
    "validation_photons": Words(_("Validation photons"), _("Fixed as the dose is.")),
    "validation_kernel": Words(_("Validation kernel"), _("Fixed as the dose is.")),
    "select_by": Words(
        _("Best state by"),
        _("PSNR for L1 methods. An adversarial training loses PSNR as it gains texture: it keeps the state whose "
          "texture is nearest to full dose's."),
    ),
    "least_gain_db": Words(
        _("Least gain (dB)"),
        _("PSNR that a state must gain on the low dose before texture counts: the paper's own gain."),
    ),
    "start_from": Words(
        _("Start from"),
        _("A model file to begin with, or the word none for random weights. Automatic: an adversarial method begins "
          "with its L1 twin, since a critic has nothing to teach a network that only makes noise; others with random "
          "weights."),
    ),
}


def otherKeys() -> list[str]:
    """Return the settings that are not in `MAIN`, those without words last: nothing is hidden."""
    keys = [field.name for field in fields(TrainingConfig) if field.name not in ("method", *MAIN, *LENGTH)]
    return sorted(keys, key=lambda key: list(WORDS).index(key) if key in WORDS else len(WORDS))


def applies(key: str, method: str) -> bool:
    """Whether a setting changes anything in a training of a method."""
    return key not in _ADVERSARIAL or METHOD[method].adversarial


def wordsOf(key: str) -> Words:
    """Return a setting in words."""
    return WORDS.get(key) or Words(key.replace("_", " ").capitalize(), _("See docs/training.md."))


def recipes() -> dict[str, Path]:
    """Return the config files that ship, by what they are called: those of the methods' weights first."""
    weights = {_("{method} as it ships").format(method=method): file for method, file in shipped.recipes().items()}
    return weights | {name.replace("-", " "): file for name, file in shipped.other_recipes().items()}


def settingsOf(recipe: Path) -> dict:
    """Return the settings of a config file that ships, as the panel has them.

    Those of the methods' weights are validated at their own pace: twenty times, so that a short run has a curve. How
    often changes no weights, only among how many states the best is looked for.
    """
    settings = read_settings(recipe)
    return settings | {"validate_every": 0} if recipe in shipped.recipes().values() else settings
