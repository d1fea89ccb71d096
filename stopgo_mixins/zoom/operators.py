"""Sees every operator that torch dispatches in Python's sight."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode

from stopgo_mixins.zoom.call_site import CallSite
from stopgo_mixins.zoom.operation import Input, Operation, Stage
from stopgo_mixins.zoom.signature import Signature, leaves_of
from stopgo_mixins.zoom.value_digest import value_digest

if TYPE_CHECKING:
    from torch.utils.hooks import RemovableHandle

    from stopgo_mixins.zoom.tensor_names import TensorNames


class OperatorLog(TorchDispatchMode):
    """Notes the operators of one step while it is entered; changes nothing of what they compute.

    What a compiled region or C++ code does without the dispatcher, and what other threads do, is not seen: it shows in
    what the next operator reads, since all that an operator reads is looked at.

    Args:
        model: after whose modules the operators are named.
        names: of the tensors that were there before; those that operators make are added.
    """

    def __init__(self, model: nn.Module, names: TensorNames) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has not annotated it
        self.operations: list[Operation] = []
        self._names = names
        self._modules = {id(module): name for name, module in model.named_modules()}
        self._active: list[str] = []
        self._forward_of_node: dict[int, tuple[str, str]] = {}
        self._hooks: list[RemovableHandle] = []

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        """Lets compiled regions run as they are: seen operator by operator, they would compute something else."""
        return True

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

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Calls the operator, and notes it unless it computes nothing."""
        kwargs = kwargs or {}
        signature = Signature.of(func)
        if not signature.computes:
            result = func(*args, **kwargs)
            if signature.leaves_unfilled:
                self._names.add_unfilled(leaves_of(result))
            return result
        site = CallSite.of_caller()
        if site.by_recorder:
            return func(*args, **kwargs)
        where = self._where(site)
        inputs = tuple(self._inputs(signature.read(args, kwargs)))
        result = func(*args, **kwargs)
        self._note(signature, where, (args, kwargs), inputs, result)
        return result

    def _inputs(self, tensors: Iterable[torch.Tensor]) -> Iterator[Input]:
        for tensor in tensors:
            if not self._names.is_unfilled(tensor):
                yield self._names.input(tensor, value_digest(tensor))

    def _note(
        self,
        signature: Signature,
        where: tuple[str, Stage, str],
        called_with: tuple[tuple[Any, ...], Mapping[str, Any]],
        inputs: tuple[Input, ...],
        result: Any,
    ) -> None:
        module, stage, place = where
        made = [*signature.written(*called_with), *leaves_of(result)]
        operation = Operation(
            name=signature.name,
            module=module,
            stage=stage,
            place=place,
            is_random=signature.is_random,
            arguments=tuple(signature.without_tensors(*called_with)),
            inputs=inputs,
            outputs=tuple(map(value_digest, made)),
        )
        self.operations.append(operation)
        self._names.add_made(made, f"what {signature.name} in {operation.where} made")

    def _where(self, site: CallSite) -> tuple[str, Stage, str]:
        """The module, the stage and the place; what autograd calls belongs to the forward that made its node."""
        active = self._active[-1] if self._active else ""
        node = torch._C._current_autograd_node()  # torch has no public name for it
        if node is not None:
            module, place = self._forward_of_node.get(node._sequence_nr(), (active, str(site)))
            return module, Stage.BACKWARD, place
        place = str(site)
        if site.by_optimizer:
            return "", Stage.OPTIMIZER, place
        # The node of this operator was numbered before it was dispatched.
        self._forward_of_node.setdefault(torch._C._autograd._get_sequence_nr() - 1, (active, place))
        return active, Stage.FORWARD, place

    def _enter_module(self, module: nn.Module, _args: Any) -> None:
        self._active.append(self._modules.get(id(module), type(module).__name__))

    def _leave_module(self, _module: nn.Module, _args: Any, _output: Any) -> None:
        self._active.pop()
