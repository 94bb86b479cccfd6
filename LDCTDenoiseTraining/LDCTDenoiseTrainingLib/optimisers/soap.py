"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner.

Vyas et al., "SOAP: Improving and Stabilizing Shampoo using Adam", arXiv:2409.11321, Algorithm 3. The channels that a
convolution reads are much alike, so that the loss is flat along most sums of weights and steep along a few: Adam,
which scales each weight by itself, creeps along the flat ones. In the basis of the gradients' second moments it can
scale each by its own measure. What that is worth stands in docs/weights.md.
"""

from collections.abc import Iterable
from contextlib import contextmanager

import torch
from torch import Tensor

#: Of the means of gradients and of their squares in the basis, and of the moments that the basis comes from.
_BETAS, _MOMENT_BETA = (0.95, 0.95), 0.95

#: Steps between two corrections of the basis; the first few steps correct it each time.
_EVERY, _FIRST = 10, 5

_EPSILON = 1e-8


class SOAP(torch.optim.Optimizer):
    """SOAP for the weights of convolutions, Adam for biases, slopes and single filters.

    A weight of shape (filters, channels, 3, 3) is taken as a matrix of `filters` rows.

    Parameters
    ----------
    params : iterable of torch.nn.Parameter
    lr : float
        Of the size that one would give Adam.
    betas : tuple of float
        Of Adam's part.
    """

    def __init__(self, params: Iterable, lr: float = 1e-3, betas: tuple = (0.9, 0.999)):
        super().__init__(params, {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self, closure=None) -> None:
        """Do one step with the gradients that the parameters have."""
        with _exactly():
            for group in self.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        _step(parameter, self.state[parameter], group)


def _step(parameter: Tensor, state: dict, group: dict) -> None:
    state["step"] = state.get("step", 0) + 1
    if parameter.ndim < 2 or len(parameter) == 1:
        _adam(parameter, parameter.grad, state, group)
    else:
        update = _update(parameter.grad.flatten(1), state)
        parameter.sub_(update.view(parameter.shape), alpha=group["lr"])


def _adam(parameter: Tensor, gradient: Tensor, state: dict, group: dict) -> None:
    """Kingma and Ba, arXiv:1412.6980, Algorithm 1."""
    mean, square = _moments(state, gradient)
    step, (beta1, beta2) = state["step"], group["betas"]
    mean.lerp_(gradient, 1 - beta1)
    square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
    scale = (square / (1 - beta2**step)).sqrt_().add_(_EPSILON)
    parameter.addcdiv_(mean, scale, value=-group["lr"] / (1 - beta1**step))


def _update(gradient: Tensor, state: dict) -> Tensor:
    """Return the direction of a matrix's step; the first gradient only makes a basis."""
    if "rows" not in state:
        state["rows"], state["columns"] = gradient @ gradient.T, gradient.T @ gradient
        for side in ("rows", "columns"):
            state[f"{side}_basis"] = _eigenbasis(state[side])
        _moments(state, gradient)
        return torch.zeros_like(gradient)
    mean, square = _moments(state, gradient)
    rows, columns = state["rows_basis"], state["columns_basis"]
    step, (beta1, beta2) = state["step"] - 1, _BETAS
    turned = rows.T @ gradient @ columns
    mean.lerp_(gradient, 1 - beta1)
    square.mul_(beta2).addcmul_(turned, turned, value=1 - beta2)
    scale = (square / (1 - beta2**step)).sqrt_().add_(_EPSILON)
    update = rows @ (rows.T @ mean @ columns / scale) @ columns.T / (1 - beta1**step)
    state["rows"].lerp_(gradient @ gradient.T, 1 - _MOMENT_BETA)
    state["columns"].lerp_(gradient.T @ gradient, 1 - _MOMENT_BETA)
    if step % _EVERY == 0 or step < _FIRST:
        for dimension, side in enumerate(("rows", "columns")):
            _correct_basis(state, side, dimension)
    return update


def _moments(state: dict, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return the running means of gradients and of squares."""
    if "mean" not in state:
        state["mean"], state["square"] = (torch.zeros_like(like) for _ in range(2))
    return state["mean"], state["square"]


def _eigenbasis(moment: Tensor) -> Tensor:
    """Return eigenvectors as columns, the largest eigenvalue first."""
    if not moment.isfinite().all():
        # The loop finds the NaN that these weights become, and says so; the decomposition would only fail.
        return torch.full_like(moment, torch.nan)
    return torch.linalg.eigh(moment).eigenvectors.flip(1).contiguous()


def _correct_basis(state: dict, side: str, dimension: int) -> None:
    """Let a basis follow its moment by one step of power iteration, in the order of the eigenvalues."""
    moment, basis = state[side], state[f"{side}_basis"]
    turned = moment @ basis
    order = (basis * turned).sum(0).argsort(descending=True, stable=True)
    state["square"] = state["square"].index_select(dimension, order)
    state[f"{side}_basis"] = torch.linalg.qr(turned[:, order]).Q


@contextmanager
def _exactly():
    """Compute in float32, and what the CPU does in one thread.

    Sums are then taken in one order, whatever the number of threads, bit for bit; and a basis is not rounded to the
    ten bits of TensorFloat-32, which the convolutions of a training on CUDA may be.
    """
    matmul, threads = torch.backends.cuda.matmul, torch.get_num_threads()
    rounded = matmul.allow_tf32
    torch.set_num_threads(1)
    matmul.allow_tf32 = False
    try:
        yield
    finally:
        matmul.allow_tf32 = rounded
        torch.set_num_threads(threads)
