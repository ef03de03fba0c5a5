"""Run a function on a long batch chunk by chunk, first and second derivatives included.

No intermediate value is kept for later: derivatives compute them again. Memory is that of inputs,
outputs and one chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

Run = Callable[..., Tensor]


def run_in_chunks(run: Run, size: int, x: Tensor, constants: Sequence[Tensor]) -> Tensor:
    """Return ``run(x, *constants)``, computed for `size` rows of `x` at a time.

    Parameters
    ----------
    run
        Maps (n_rows, n_in) and constants to (n_rows, n_out), row by row.
    size
        Rows of a chunk.
    x
        Shape (n_rows, n_in).
    constants
        What all rows share; differentiated as well.
    """
    return _Chunks.apply(run, size, x, *constants)


class _Chunks(Function):
    @staticmethod
    def forward(ctx: Any, run: Run, size: int, x: Tensor, *constants: Tensor) -> Tensor:
        ctx.run, ctx.size = run, size
        ctx.save_for_backward(x, *constants)
        return torch.cat([run(chunk, *constants) for chunk in x.split(size)])

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Any:
        wanted = ctx.needs_input_grad[2:]
        gradients = _Gradients.apply(ctx.run, ctx.size, wanted, cotangent, *ctx.saved_tensors)
        return None, None, *gradients


class _Gradients(Function):
    """Cotangents of x and the constants from those of the output."""

    @staticmethod
    def forward(
        ctx: Any,
        run: Run,
        size: int,
        wanted: tuple[bool, ...],
        cotangent: Tensor,
        x: Tensor,
        *constants: Tensor,
    ) -> tuple[Tensor | None, ...]:
        ctx.run, ctx.size, ctx.wanted = run, size, wanted
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(cotangent, x, *constants)
        gradients = _Accumulated(wanted)
        for seed, chunk in zip(cotangent.split(size), x.split(size), strict=True):
            inputs = _leaves((chunk, *constants), wanted)
            with torch.enable_grad():
                output = run(*inputs)
            gradients.add(_gradients([output], inputs, [seed]))
        return gradients.result()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *seeds: Tensor | None) -> Any:
        cotangent, x, *constants = ctx.saved_tensors
        wanted = ctx.needs_input_grad[3:]
        gradients = _Accumulated(wanted, n_rowwise=2)
        x_seeds = x.split(ctx.size) if seeds[0] is None else seeds[0].split(ctx.size)
        for chunk, row, x_seed in zip(
            cotangent.split(ctx.size), x.split(ctx.size), x_seeds, strict=True
        ):
            inputs = _leaves((chunk, row, *constants), (True, *ctx.wanted))
            with torch.enable_grad():
                output = ctx.run(*inputs[1:])
                first = _gradients([output], inputs[1:], [inputs[0]], create_graph=True)
            chunk_seeds = [None if seeds[0] is None else x_seed, *seeds[1:]]
            pairs = [
                (value, seed)
                for value, seed in zip(first, chunk_seeds, strict=True)
                if value is not None and seed is not None
            ]
            values, given = zip(*pairs, strict=True)
            gradients.add(_gradients(list(values), inputs, list(given)))
        return None, None, None, *gradients.result()


class _Accumulated:
    """Gradients of the chunks: joined for what has rows, added for constants."""

    def __init__(self, wanted: Sequence[bool], n_rowwise: int = 1) -> None:
        self.wanted = wanted
        self.rows: list[list[Tensor]] = [[] for _ in range(n_rowwise)]
        self.sums: list[Tensor | None] = [None] * (len(wanted) - n_rowwise)

    def add(self, gradients: Sequence[Tensor | None]) -> None:
        for rows, gradient in zip(self.rows, gradients, strict=False):
            if gradient is not None:
                rows.append(gradient)
        for index, gradient in enumerate(gradients[len(self.rows) :]):
            total = self.sums[index]
            if gradient is not None:
                self.sums[index] = gradient if total is None else total.add_(gradient)

    def result(self) -> tuple[Tensor | None, ...]:
        joined = [torch.cat(rows) if rows else None for rows in self.rows]
        both = [*joined, *self.sums]
        return tuple(g if w else None for g, w in zip(both, self.wanted, strict=True))


def _leaves(tensors: Sequence[Tensor], wanted: Sequence[bool]) -> list[Tensor]:
    return [t.detach().requires_grad_(w) for t, w in zip(tensors, wanted, strict=True)]


def _gradients(
    outputs: list[Tensor], inputs: list[Tensor], seeds: list[Tensor], create_graph: bool = False
) -> list[Tensor | None]:
    """Gradients with respect to those inputs that require one, None for the others."""
    used = [i for i in inputs if i.requires_grad]
    found = iter(
        torch.autograd.grad(outputs, used, seeds, create_graph=create_graph, materialize_grads=True)
    )
    return [next(found) if i.requires_grad else None for i in inputs]
