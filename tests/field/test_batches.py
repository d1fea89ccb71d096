"""Batches and outputs of classes of their own."""

from __future__ import annotations

import unittest
from collections import UserDict
from collections.abc import Iterator
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence
from torch.utils.data import DataLoader, TensorDataset
from torchdata.stateful_dataloader import StatefulDataLoader

from tests.field.case import BATCHES, FieldCase, loader, samples


class Store(UserDict[str, Any]):
    """Holds the tensors of a graph, which it knows."""

    def __init__(self, owner: Graph, tensors: Any) -> None:
        super().__init__(tensors)
        self.owner = owner


class Graph:
    """As graph libraries have it: tensors in a store behind attributes, moved by ``to``, and a cycle."""

    def __init__(self, **tensors: Any) -> None:
        self._store = Store(self, tensors)
        self.batch: Graph | None = None

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_store"][name]
        except KeyError:
            raise AttributeError(name) from None

    def to(self, device: Any, **_arguments: Any) -> Graph:
        return Graph(**{name: value.to(device) for name, value in self._store.items()})


class Handle:
    """Nothing in it can be read."""

    __slots__ = ()


class Sized:
    """Something of ``__slots__`` that a collate function returns."""

    __slots__ = ("graph", "handle", "size")

    def __init__(self, graph: Graph, handle: object = None) -> None:
        self.graph, self.size, self.handle = graph, 2, handle

    def to(self, device: Any, **_arguments: Any) -> Sized:
        return Sized(self.graph.to(device), self.handle)


def joined(graphs: list[Graph]) -> Graph:
    """One graph of several, whose nodes are numbered through."""
    offset = 0
    edges = []
    for graph in graphs:
        edges.append(graph.edges + offset)
        offset += len(graph.nodes)
    return Graph(
        nodes=torch.cat([graph.nodes for graph in graphs]),
        edges=torch.cat(edges, dim=1),
        target=torch.stack([graph.target for graph in graphs]),
        member=torch.repeat_interleave(torch.tensor([len(graph.nodes) for graph in graphs])),
    )


def graphs() -> list[Graph]:
    nodes = samples(3, 2)
    return [
        Graph(nodes=nodes[index, : 2 + index % 2], edges=torch.tensor([[0, 1], [1, 0]]), target=nodes[index].sum())
        for index in range(2 * BATCHES)
    ]


class GraphModule(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.message, self.read_out = nn.Linear(2, 4), nn.Linear(4, 1)

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Any]:
        graph: Any = getattr(batch, "graph", batch) if isinstance(batch, Sized) else batch
        messages = self.message(graph.nodes)
        received = messages.index_add(0, graph.edges[1], messages[graph.edges[0]])
        answer = self.read_out(torch.zeros(2, 4).index_add(0, graph.member, received)).squeeze(-1)
        return {"loss": (answer - graph.target).square().mean(), "answer": Graph(answer=answer.detach())}

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=1e-2)


def graph_model(collate: Any = joined) -> tuple[Any, ...]:
    return GraphModule(), StatefulDataLoader(graphs(), batch_size=2, shuffle=True, collate_fn=collate)


class Recurrent(LightningModule):
    """Sequences of unequal lengths, packed by the collate function; a lazy layer behind."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(2, 4, num_layers=2, dropout=0.2)
        self.head = nn.LazyLinear(1)

    def training_step(self, batch: PackedSequence, batch_idx: int) -> Tensor:
        outputs, (state, _) = self.recurrent(batch)
        return (self.head(state[-1]) - 1).square().mean() + outputs.data.square().mean()

    def configure_optimizers(self) -> Any:
        return torch.optim.RMSprop(self.parameters(), lr=1e-2)


def packed(sequences: list[Tensor]) -> PackedSequence:
    return pack_sequence(sequences, enforce_sorted=False)


def recurrent_model() -> tuple[Any, ...]:
    sequences = [sequence[: 2 + index % 3] for index, sequence in enumerate(samples(4, 2))]
    return Recurrent(), StatefulDataLoader(sequences, batch_size=2, shuffle=True, collate_fn=packed)


class Lazy(LightningModule):
    """Learns its sizes, of parameters and of buffers, from the first batch."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.LazyLinear(4), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(1))

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return (self.layers(batch[0]) - 1).square().mean()

    def configure_optimizers(self) -> Any:
        return torch.optim.AdamW(self.parameters(), lr=1e-2)


class Reading(LightningModule):
    """Reads its batches itself."""

    def __init__(self, batches: int = 1) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 1)
        self.batches = batches

    def training_step(self, dataloader_iter: Iterator[Any]) -> Tensor:
        losses = []
        for _ in range(self.batches):
            (inputs,), _index, _loader = next(dataloader_iter)
            losses.append(self.layer(inputs).square().mean())
        return torch.stack(losses).sum()

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=1e-2)


class ReadingToValidate(Reading):
    """In validations, too."""

    def validation_step(self, dataloader_iter: Iterator[Any]) -> Tensor:
        (inputs,), _index, _loader = next(dataloader_iter)
        loss: Tensor = self.layer(inputs).square().mean()
        return loss


class TestBatches(FieldCase):
    def test_graphs_with_a_store(self) -> None:
        outcome = self.clean(graph_model)
        self.assertEqual(
            self.recorded("train_input"),
            {*(f"._store[{name!r}]" for name in ("nodes", "edges", "target", "member")), ".batch"},
        )
        self.assertLessEqual({"train_input", "sample_exposure", "train_output", "consumed_samples"}, outcome.passed)

    def test_a_loader_that_does_not_tell_its_batch_size(self) -> None:
        def unsized() -> tuple[Any, ...]:
            batches = [joined(graphs()[index : index + 2]) for index in range(0, 2 * BATCHES, 2)]
            return GraphModule(), StatefulDataLoader(batches, batch_size=None, shuffle=True)

        outcome = self.clean(unsized)
        self.assertLessEqual({"consumed_samples", "train_val_init_consumed_samples"}, outcome.passed)

    def test_slots_with_something_unreadable(self) -> None:
        def with_handle(samples: list[Graph]) -> Sized:
            return Sized(joined(samples), Handle())

        outcome = self.clean(lambda: graph_model(with_handle))
        for metric in ("train_input", "sample_exposure"):
            reason = outcome.skipped_for[metric]
            self.assertIn(
                f"not all of it could be recorded: {metric} .handle (a tests.field.test_batches.Handle", reason
            )
        self.assertIn(".graph._store['nodes']", self.recorded("train_input"))
        with self.subTest("left out by name, the rest is evidence"):
            left_out = {
                metric: {".handle": "a handle of this process"} for metric in ("train_input", "sample_exposure")
            }
            outcome = self.clean(lambda: graph_model(with_handle), left_out=left_out)
            self.assertLessEqual({"train_input", "sample_exposure"}, outcome.passed)

    def test_what_is_recorded_of_them_still_fails(self) -> None:
        def restarting() -> tuple[Any, ...]:
            loader = DataLoader(
                graphs(), batch_size=2, shuffle=True, collate_fn=lambda samples: Sized(joined(samples), Handle())
            )
            return GraphModule(), loader

        outcome = self.verdicts(restarting)
        self.root_cause(outcome, "train_input", "step 4")
        self.assertIn("sample_exposure", outcome.failed)

    def test_packed_sequences_and_a_lazy_layer(self) -> None:
        self.clean(recurrent_model)
        self.assertIn(".data", self.recorded("train_input"))
        self.assertIn("module['recurrent'](0)[0].batch_sizes", self.recorded("train_output"))

    def test_lazy_modules(self) -> None:
        outcome = self.clean(lambda: (Lazy(), loader(samples(3))))
        self.assertLessEqual({"parameters", "buffers", "optimizer_state"}, outcome.passed)

    def test_a_step_that_reads_its_batch_itself(self) -> None:
        outcome = self.clean(lambda: (Reading(), loader(samples(3))))
        self.assertLessEqual({"train_input", "sample_exposure", "train_loss"}, outcome.passed)

    def test_a_validation_step_that_does(self) -> None:
        outcome = self.clean(
            lambda: (ReadingToValidate(), (loader(samples(3)), DataLoader(TensorDataset(samples(3)), batch_size=2))),
            val_check_interval=2,
        )
        self.assertLessEqual({"valid_output", "valid_loss", "validation_schedule"}, outcome.passed)
        self.assertEqual(self.recorded("valid_input"), {"[0]"})


if __name__ == "__main__":
    unittest.main()
