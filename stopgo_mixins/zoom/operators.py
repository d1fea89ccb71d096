"""Sees every operator that torch dispatches in Python's sight."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from stopgo_mixins.trace.digest import digest_bytes, tensor_bytes
from stopgo_mixins.zoom.call_site import CallSite
from stopgo_mixins.zoom.operation import Operation, Stage
from stopgo_mixins.zoom.tensor_names import TensorNames

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle


class OperatorLog(TorchDispatchMode):
    """Notes the operators of one step while it is entered; changes nothing of what they compute.

    What a compiled region or C++ code does without the dispatcher, and what other threads do, is not seen.

    Args:
        model: after whose modules the operators are named.
        names: of the tensors that were there before.
    """

    def __init__(self, model: nn.Module, names: TensorNames) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has not annotated it
        self.operations: list[Operation] = []
        self._names = names
        self._modules = {id(module): name for name, module in model.named_modules()}
        self._active: list[str] = []
        self._module_of_node: dict[int, str] = {}
        self._made: dict[int, torch.UntypedStorage] = {}  # held, or its address could be given to another one
        self._hooks: list[RemovableHandle] = []

    def __enter__(self) -> OperatorLog:
        self._hooks = [
            register_module_forward_pre_hook(self._enter_module),
            register_module_forward_hook(self._leave_module, always_call=True),
        ]
        super().__enter__()  # type: ignore[no-untyped-call]  # torch has not annotated it
        return self

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)  # type: ignore[no-untyped-call]  # as above
        for hook in self._hooks:
            hook.remove()
        self._made.clear()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Calls the operator, and notes it unless it computes nothing."""
        kwargs = kwargs or {}
        site = CallSite.of_caller()
        if site.by_recorder or _computes_nothing(func):
            return func(*args, **kwargs)
        module, stage = self._where(site)
        read = [each for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)]
        given = tuple(self._given(read))
        result = func(*args, **kwargs)
        made = [each for each in (*_written(func, args, kwargs), *tree_leaves(result)) if each is not None]
        self.operations.append(
            Operation(
                name=str(func),
                module=module,
                stage=stage,
                place=str(site),
                is_random=torch.Tag.nondeterministic_seeded in func.tags,
                arguments=tuple(_without_tensors(args, kwargs)),
                given=given,
                made=tuple(_digest(each) for each in made),
            )
        )
        self._hold(each for each in made if isinstance(each, torch.Tensor))
        return result

    def _where(self, site: CallSite) -> tuple[str, Stage]:
        """The module and the stage; what autograd calls belongs to the module that made its node."""
        node = torch._C._current_autograd_node()  # torch has no public name for it
        if node is not None:
            return self._module_of_node.get(node._sequence_nr(), ""), Stage.BACKWARD
        if site.by_optimizer:
            return "", Stage.OPTIMIZER
        module = self._active[-1] if self._active else ""
        # The node of this operator was numbered before it was dispatched.
        self._module_of_node.setdefault(torch._C._autograd._get_sequence_nr() - 1, module)
        return module, Stage.FORWARD

    def _given(self, tensors: list[torch.Tensor]) -> Iterator[tuple[str, str]]:
        for tensor in tensors:
            if tensor.layout is not torch.strided or tensor.untyped_storage().data_ptr() not in self._made:
                yield self._names.of(tensor), _digest(tensor)
        self._hold(tensors)

    def _hold(self, tensors: Any) -> None:
        for tensor in tensors:
            if tensor.layout is torch.strided:
                storage = tensor.untyped_storage()
                self._made.setdefault(storage.data_ptr(), storage)

    def _enter_module(self, module: nn.Module, _args: Any) -> None:
        self._active.append(self._modules.get(id(module), type(module).__name__))

    def _leave_module(self, _module: nn.Module, _args: Any, _output: Any) -> None:
        self._active.pop()


def _computes_nothing(func: Any) -> bool:
    """A view, memory that is not filled, or a mark for a profiler."""
    name = func._schema.name
    aliases = [returned.alias_info for returned in func._schema.returns]
    is_view = any(alias is not None and not alias.is_write for alias in aliases)
    return is_view or name.startswith(("profiler::", "aten::empty", "aten::new_empty"))


def _written(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[Any]:
    """The tensors that an operator writes to, by its schema."""
    for position, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            value = kwargs.get(argument.name, args[position] if position < len(args) else None)
            yield from tree_leaves(value)


def _without_tensors(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[str]:
    """Generators are left out: two phases never share one."""
    for name, value in (*enumerate(args), *kwargs.items()):
        rest = [each for each in tree_leaves(value) if not isinstance(each, torch.Tensor | torch.Generator)]
        if rest:
            yield f"argument {name}: {', '.join(map(repr, rest))}"


def _digest(value: object) -> str:
    if not isinstance(value, torch.Tensor):
        return repr(value)
    form = f"{value.dtype} {tuple(value.shape)}"
    return f"{form} {digest_bytes(tensor_bytes(value))}" if value.layout is torch.strided else f"{form}, not read"
