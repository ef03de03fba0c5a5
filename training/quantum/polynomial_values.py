"""Values and first and second derivatives of the polynomial form, written out by hand.

f_q = aᵀ C_q b with a and b the products of g(x) = (1, cos x − 1, sin x) over each half's qubits.
As g′ = D·g with a constant D, derivatives of a and b are constant matrices applied to them, and
every derivative of f is a few small matrix products and sums over rows. Samples are processed in
chunks that stay in the processor's cache; only angles are kept for later.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from training.quantum.phases import rotation_deviation


def products(angles: Tensor, n_a: int) -> tuple[Tensor, Tensor]:
    """Return a (3^A, n_samples) and b (3^B, n_samples) of angles (A + B, n_samples)."""
    cosine, sine = rotation_deviation(angles)
    terms = torch.stack([torch.ones_like(sine), cosine, sine], dim=1).unbind(0)
    return _product(terms[:n_a], angles), _product(terms[n_a:], angles)


def _product(terms: tuple[Tensor, ...], angles: Tensor) -> Tensor:
    if not terms:
        return angles.new_ones(1, angles.shape[1])
    product = terms[0]
    for term in terms[1:]:
        product = (product[:, None] * term).flatten(0, 1)
    return product


def polynomial_values(coefficients: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Return f, shape (n_observables, n_samples), of C (n_observables, 3^A, 3^B)."""
    return _form(_columns(coefficients), a, b)


class PolynomialInChunks(Function):
    """f(angles), shape (n_observables, n_samples), with its first two derivatives.

    Arguments: coefficients (n_observables, 3^A, 3^B), angles (A + B, n_samples), derivatives of a
    (A, 3^A, 3^A) and of b (B, 3^B, 3^B), number of samples in a chunk.
    """

    @staticmethod
    def forward(  # noqa: D102
        ctx: Any, coefficients: Tensor, angles: Tensor, d_a: Tensor, d_b: Tensor, size: int
    ) -> Tensor:
        ctx.save_for_backward(coefficients, angles, d_a, d_b)
        ctx.size = size
        columns = _columns(coefficients)
        values = angles.new_empty(len(coefficients), angles.shape[1])
        for chunk, out in _chunks(size, angles, values):
            out.copy_(_form(columns, *products(chunk, len(d_a))))
        return values

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Any:  # noqa: D102
        gradients = _FirstDerivative.apply(
            *ctx.saved_tensors, cotangent, ctx.size, ctx.needs_input_grad[0]
        )
        return *gradients, None, None, None


class _FirstDerivative(Function):
    """Cotangents of coefficients and angles from those of f."""

    @staticmethod
    def forward(
        ctx: Any,
        coefficients: Tensor,
        angles: Tensor,
        d_a: Tensor,
        d_b: Tensor,
        cotangent: Tensor,
        size: int,
        with_coefficients: bool,
    ) -> tuple[Tensor | None, Tensor]:
        ctx.save_for_backward(coefficients, angles, d_a, d_b, cotangent)
        ctx.size = size
        ctx.set_materialize_grads(False)
        to_a, to_b = _transposed(coefficients)
        of_coefficients = torch.zeros_like(coefficients).flatten(0, 1)
        of_angles = torch.empty_like(angles)
        for chunk, seed, out in _chunks(size, angles, cotangent, of_angles):
            n_a = len(d_a)
            a, b = products(chunk, n_a)
            seed_a, seed_b = _outer(seed, a), _outer(seed, b)
            out[:n_a] = _contract(_derivatives(d_a, a), to_a @ seed_b)
            out[n_a:] = _contract(_derivatives(d_b, b), to_b @ seed_a)
            if with_coefficients:
                of_coefficients.addmm_(seed_a, b.t())
        if not with_coefficients:
            return None, of_angles
        return of_coefficients.view_as(coefficients), of_angles

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, to_coefficients: Tensor | None, to_angles: Tensor | None) -> Any:
        coefficients, angles, d_a, d_b, cotangent = ctx.saved_tensors
        columns = _columns(coefficients)
        to_a, to_b = _transposed(coefficients)
        if to_angles is None:
            to_angles = torch.zeros_like(angles)
        of_coefficients = torch.zeros_like(coefficients).flatten(0, 1)
        of_angles, of_cotangent = torch.empty_like(angles), torch.empty_like(cotangent)
        chunks = _chunks(ctx.size, angles, cotangent, to_angles, of_angles, of_cotangent)
        for chunk, seed, direction, out_angles, out_cotangent in chunks:
            n_a = len(d_a)
            a, b = products(chunk, n_a)
            first_a, first_b = _derivatives(d_a, a), _derivatives(d_b, b)
            # Changes of a and b along the direction, and of their derivatives.
            along_a = (first_a * direction[:n_a, None]).sum(0)
            along_b = (first_b * direction[n_a:, None]).sum(0)
            second_a, second_b = _derivatives(d_a, along_a), _derivatives(d_b, along_b)
            seed_a, seed_b = _outer(seed, a), _outer(seed, b)
            seed_along_a, seed_along_b = _outer(seed, along_a), _outer(seed, along_b)
            torch.add(
                _contract(first_a, to_a @ seed_along_b),
                _contract(second_a, to_a @ seed_b),
                out=out_angles[:n_a],
            )
            torch.add(
                _contract(first_b, to_b @ seed_along_a),
                _contract(second_b, to_b @ seed_a),
                out=out_angles[n_a:],
            )
            torch.add(_form(columns, along_a, b), _form(columns, a, along_b), out=out_cotangent)
            of_coefficients.addmm_(seed_along_a, b.t()).addmm_(seed_a, along_b.t())
        result = of_coefficients.view_as(coefficients), of_angles, of_cotangent
        if to_coefficients is not None:
            result = _add_linear(result, to_coefficients, ctx)
        of_coefficients, of_angles, of_cotangent = result
        return of_coefficients, of_angles, None, None, of_cotangent, None, None


def _add_linear(
    result: tuple[Tensor, Tensor, Tensor], direction: Tensor, ctx: Any
) -> tuple[Tensor, Tensor, Tensor]:
    """Add what follows from a seed of the coefficients' cotangent: f is linear in them."""
    _, angles, d_a, d_b, cotangent = ctx.saved_tensors
    _, of_angles = _FirstDerivative.apply(direction, angles, d_a, d_b, cotangent, ctx.size, False)
    values = PolynomialInChunks.apply(direction, angles, d_a, d_b, ctx.size)
    return result[0], result[1] + of_angles, result[2] + values


def _chunks(size: int, *tensors: Tensor) -> Any:
    return zip(*(tensor.split(size, dim=1) for tensor in tensors), strict=True)


def _columns(coefficients: Tensor) -> Tensor:
    """C as (n_observables, 3^A, 3^B) stays, as a matrix from b to (observable, a)."""
    return coefficients.flatten(0, 1)


def _transposed(coefficients: Tensor) -> tuple[Tensor, Tensor]:
    """Return C as matrices from (observable, b) to a, and from (observable, a) to b."""
    to_a = coefficients.permute(1, 0, 2).flatten(1)
    return to_a, coefficients.flatten(0, 1).t().contiguous()


def _form(columns: Tensor, a: Tensor, b: Tensor) -> Tensor:
    partial = (columns @ b).view(len(columns) // len(a), len(a), a.shape[1])
    return (partial * a).sum(1)


def _outer(seed: Tensor, factor: Tensor) -> Tensor:
    return (seed[:, None] * factor).flatten(0, 1)


def _derivatives(matrices: Tensor, factor: Tensor) -> Tensor:
    """Return derivatives with respect to each qubit's angle, (n_qubits, 3^n_qubits, n_samples)."""
    rows = matrices.flatten(0, 1) @ factor
    return rows.view(len(matrices), len(factor), factor.shape[1])


def _contract(derivatives: Tensor, cotangent: Tensor) -> Tensor:
    return (derivatives * cotangent).sum(1)
