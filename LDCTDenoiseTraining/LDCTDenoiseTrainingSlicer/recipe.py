"""Every setting of a training in words, with the reason for its default (docs/training.md)."""

from dataclasses import fields
from typing import NamedTuple

from LDCTDenoiseTrainingLib.training.config import TrainingConfig
from slicer.i18n import tr as _


class Words(NamedTuple):
    label: str
    reason: str


#: The settings that most people look at, in the order of the panel; the others follow below them.
MAIN = ("patch", "batch", "steps", "epochs", "learning_rate", "l1_weight", "penalty_weight", "critic_steps", "seed",
        "workers")

#: Settings with a few values to choose from.
CHOICES = {"select_by": ("psnr", "ssim", "rmse", "texture", "last"), "precision": ("auto", "float32"),
           "optimiser": ("soap", "adam")}

WORDS = {
    "patch": Words(
        _("Patch side (pixels)"),
        _("Side of the square pieces that the network learns from; the paper's 80."),
    ),
    "batch": Words(
        _("Batch (patches)"),
        _("Pairs of patches a step; the paper's 128. Less needs less memory and is noisier: take more steps then."),
    ),
    "steps": Words(_("Steps"), _("Steps of the generator. 0: as many as the epochs below make.")),
    "epochs": Words(
        _("Epochs"),
        _("Passes over the training pairs, where steps is 0; the paper's networks settle within 10."),
    ),
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
    "seed": Words(_("Seed"), _("The same seed gives the same patches and, on a CPU, the same weights.")),
    "workers": Words(_("Workers"), _("Processes that cut patches; -1: none on a CPU, up to 8 with a GPU.")),
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
        _("soap learns in hundreds of steps what Adam learns in thousands; measured for L1 methods only."),
    ),
    "final_rate": Words(_("Final rate"), _("The learning rate falls along half a cosine to this part of itself.")),
    "warmup_steps": Words(
        _("Warm-up steps"),
        _("Steps over which the learning rate rises; without it a rate of 2e-3 can throw the first weights away."),
    ),
    "betas": Words(
        _("Adam betas"),
        _("Of Adam, and of soap for biases and slopes: 0.9, 0.999 for L1 methods; 0.5, 0.9 for adversarial ones, as "
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
          "It sees 8 pixels around each."),
    ),
    "mean_weight": Words(
        _("Weight of means"),
        _("Weight of the error of block means: it holds the mean HU, which an adversarial loss lets drift. 0 for "
          "L1 methods."),
    ),
    "mean_block": Words(_("Block of means (pixels)"), _("Side of the blocks whose means are held.")),
    "tissue_weight": Words(
        _("Weight of tissues"),
        _("Weight of the error of the means of tissues, which holds bone and contrast-filled vessels; 0: none."),
    ),
    "bone_weight": Words(
        _("Weight of bone"),
        _("How much bone and contrast-filled vessels count beside each other tissue."),
    ),
    "generator_average": Words(
        _("Average of weights"),
        _("Decay of a running mean of the weights that is validated in their place; 0: none."),
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
    "dose_jitter": Words(_("Dose jitter"), _("Each patch's simulated dose is changed by up to this factor.")),
    "noise_generations": Words(
        _("Noise generations"),
        _("Simulated noise is made so many times, and then used again."),
    ),
    "noise_refresh": Words(_("Noise refresh (steps)"), _("Steps that one generation of noise serves.")),
    "noise_workers": Words(_("Noise workers"), _("Processes that simulate the next generation meanwhile.")),
    "precision": Words(
        _("Precision"),
        _("auto: bfloat16 for the correction on CUDA, which is faster; float32 insists."),
    ),
    "log_every": Words(_("Log every (steps)"), _("Steps between two points of the loss curve.")),
    "checkpoint_every": Words(_("Checkpoint every (steps)"), _("What is lost at most when the process is killed.")),
    "validate_every": Words(_("Validate every (steps)"), _("0: each epoch.")),
    "validation_slices": Words(_("Validation slices"), _("Whole slices of each validation scan that are measured.")),
    "validation_dose": Words(
        _("Validation dose"),
        _("Fixed dose of simulated validation patients, so that numbers compare."),
    ),
    "validation_photons": Words(_("Validation photons"), _("Fixed as the dose is.")),
    "validation_kernel": Words(_("Validation kernel"), _("Fixed as the dose is.")),
    "select_by": Words(
        _("Best state by"),
        _("psnr for L1 methods. An adversarial training loses PSNR as it gains texture: it keeps the state whose "
          "texture is nearest to full dose's."),
    ),
    "least_gain_db": Words(
        _("Least gain (dB)"),
        _("PSNR that a state must gain on the low dose before texture counts: the paper's own gain."),
    ),
    "start_from": Words(
        _("Start from"),
        _("A model file to begin with, or none for random weights. Adversarial methods begin with their L1 twin: "
          "a critic has nothing to teach a network that only makes noise."),
    ),
}


def otherKeys() -> list[str]:
    """Return the settings that are not in `MAIN`, those without words last: nothing is hidden."""
    keys = [field.name for field in fields(TrainingConfig) if field.name not in ("method", *MAIN)]
    return sorted(keys, key=lambda key: list(WORDS).index(key) if key in WORDS else len(WORDS))


def wordsOf(key: str) -> Words:
    """Return a setting in words."""
    return WORDS.get(key) or Words(key.replace("_", " ").capitalize(), _("See docs/training.md."))
