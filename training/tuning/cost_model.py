"""Count the floating-point operations and the memory traffic of a call of a model.

The same model and input give the same counts, however busy the machine is.
"""

from __future__ import annotations

from typing import Any

import torch
from nequip.data import AtomicDataDict
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from training.tuning.trial import CostEstimate

# These operations add up their arguments, but have neither of torch's tags.
_SUMMING = {"index_add", "index_add_", "scatter_add", "scatter_add_"}
_ALLOCATING = {"empty", "new_empty", "empty_like", "empty_strided", "new_empty_strided"}
_COPYING = {"clone", "copy_"}


class _OperationCount(TorchDispatchMode):
    """Count what each operation of torch computes and moves, also in backward passes.

    torch's own `FlopCounterMode` counts matrix products alone and cannot follow NequIP's
    ``autograd.grad``; its formulas are used here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        read, written = _tensors((args, kwargs)), _tensors(out)
        if not _is_view(func, read, written):
            self.flops += _flops(func, args, kwargs, out, read, written)
            self.bytes += _bytes(func, read, written)
        return out


def cost_estimate(model: torch.nn.Module, data: AtomicDataDict.Type) -> CostEstimate:
    """Count the operations of one call of a model that is not compiled.

    Matrix products count with torch's formulas (2 per multiplication and addition), all other
    functions with one operation per element: of the result of element-wise functions, whatever
    their difficulty, and of the argument of sums.

    Parameters
    ----------
    model
        NequIP model, on the device of the input.
    data
        Input of one structure, as `training.tuning.untrained_model.model_input` makes it.
    """
    n_atoms = len(data[AtomicDataDict.POSITIONS_KEY])
    with _OperationCount() as count:
        model(dict(data))
    return CostEstimate(flops_per_atom=count.flops / n_atoms, bytes_per_atom=count.bytes / n_atoms)


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _is_view(func: Any, read: list[Tensor], written: list[Tensor]) -> bool:
    """Whether the result is a view of an argument."""
    if func._schema.is_mutable:
        return False
    places = {tensor.untyped_storage()._cdata for tensor in read}
    return any(tensor.untyped_storage()._cdata in places for tensor in written)


def _flops(
    func: Any, args: Any, kwargs: Any, out: Any, read: list[Tensor], written: list[Tensor]
) -> int:
    packet, name = func._overloadpacket, func._overloadpacket.__name__
    if packet in flop_registry:
        return int(flop_registry[packet](*args, **kwargs, out_val=out))
    if name in _SUMMING or torch.Tag.reduction in func.tags:
        return _largest(read)
    if torch.Tag.pointwise in func.tags and name not in _COPYING:
        return _largest(written)
    return 0


def _largest(tensors: list[Tensor]) -> int:
    return max((tensor.numel() for tensor in tensors if tensor.is_floating_point()), default=0)


def _bytes(func: Any, read: list[Tensor], written: list[Tensor]) -> int:
    if func._overloadpacket.__name__ in _ALLOCATING:
        return 0
    return sum(map(_size, read)) + sum(map(_size, written))


def _size(tensor: Tensor) -> int:
    """Bytes of a tensor in memory, where repeated parts are stored once."""
    return min(tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes())
