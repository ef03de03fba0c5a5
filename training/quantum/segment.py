"""Circuit segments between encodings: fused blocks and moves, applied to many states at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.quantum.circuit import Gate
from training.quantum.fusion import DENSE_QUBITS, Block


class Segment(nn.Module):
    """A weight-only part of a circuit.

    States are real, shape (2·2^n, n_states): real parts of all amplitudes, then imaginary parts.
    A block multiplies rows that are brought together first; CNOT and X only rename rows, so that
    one gather does the moves and the rearrangement for the next block together.

    Parameters
    ----------
    steps
        From :func:`~training.quantum.fusion.fuse`.
    n_qubits
        Qubits of the circuit.
    first_block
        Index of the segment's first block among all blocks of the circuit.
    block_qubits
        Qubits each block's matrix acts on, for all blocks of the circuit.
    """

    def __init__(
        self,
        steps: list[Block | list[Gate]],
        n_qubits: int,
        first_block: int,
        block_qubits: list[list[int]],
    ) -> None:
        super().__init__()
        canonical = torch.arange(2 * 2**n_qubits)
        layout = canonical
        self.blocks: list[int] = []
        for step in steps:
            if isinstance(step, Block):
                index = first_block + len(self.blocks)
                wanted = _layout(block_qubits[index], n_qubits)
                self._register_gather(layout, wanted)
                self.blocks.append(index)
                layout = wanted
            else:
                for gate in step:
                    layout = _move(gate, layout, n_qubits)
        self._register_gather(layout, canonical)
        self.n_rows = len(canonical)
        self.is_matrix = len(self.blocks) == 1 and n_qubits <= DENSE_QUBITS

    def _register_gather(self, layout: Tensor, wanted: Tensor) -> None:
        rows = torch.argsort(layout)[wanted]
        unchanged = torch.equal(rows, torch.arange(len(rows)))
        name = f"gather_{len(self.blocks)}"
        self.register_buffer(name, None if unchanged else rows, persistent=False)

    def forward(self, matrices: Tensor, state: Tensor) -> Tensor:
        """Return the states after the segment, given the matrices of all blocks of the circuit."""
        n_rows = state.shape[0]
        for position, block in enumerate(self.blocks):
            state = self._gathered(position, state)
            matrix = matrices[block]
            if len(matrix) == n_rows:
                state = matrix @ state
            else:
                groups = state.view(n_rows // len(matrix), len(matrix), state.shape[1])
                state = (matrix @ groups).view(state.shape)
        return self._gathered(len(self.blocks), state)

    def unitary(self, matrices: Tensor) -> Tensor:
        """Return the segment as one matrix, shape (2·2^n, 2·2^n)."""
        if self.is_matrix:
            return matrices[self.blocks[0]]
        return self(matrices, torch.eye(self.n_rows, dtype=matrices.dtype, device=matrices.device))

    def _gathered(self, position: int, state: Tensor) -> Tensor:
        rows = getattr(self, f"gather_{position}")
        return state if rows is None else state.index_select(0, rows)


def _layout(qubits: list[int], n_qubits: int) -> Tensor:
    """Rows in the order (other qubits, part, qubits)."""
    rows = torch.arange(2 * 2**n_qubits).view([2] * (n_qubits + 1))
    others = [qubit + 1 for qubit in range(n_qubits) if qubit not in qubits]
    return rows.permute([*others, 0, *(qubit + 1 for qubit in qubits)]).reshape(-1)


def _move(gate: Gate, layout: Tensor, n_qubits: int) -> Tensor:
    """Rename rows as CNOT or X does."""
    *control, target = (2 ** (n_qubits - 1 - qubit) for qubit in gate.qubits)
    flipped = layout ^ target
    return torch.where(layout & control[0] > 0, flipped, layout) if control else flipped
