"""Modules of packages, with the batches that these make; ``make test-field`` installs them."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchdata.stateful_dataloader import StatefulDataLoader

from tests.field.case import AT_ITS_END, BATCHES, FieldCase, samples
from tests.tiny import TRUSTING


def needs(package: str) -> Callable[[Any], Any]:
    return unittest.skipUnless(find_spec(package), f"{package} is not installed: make test-field")


def lost_mean(name: str) -> dict[str, dict[str, str]]:
    return {"logged_metrics": {f"['values'][{name!r}]": "a mean over the interrupted epoch, which Lightning loses"}}


@needs("pytorch_forecasting")
class TestPytorchForecasting(FieldCase):
    """Batches of nested dicts and tuples; data set, normalizers and losses among the hyper-parameters."""

    def made(self, name: str, **arguments: Any) -> tuple[Any, ...]:
        import pandas
        import pytorch_forecasting

        series, length = 4, 12
        values = samples(series * length)[0].numpy()
        frame = pandas.DataFrame({"value": values, "time": [*range(length)] * series})
        frame["series"] = [str(number) for number in range(series) for _ in range(length)]
        data = pytorch_forecasting.TimeSeriesDataSet(
            frame,
            time_idx="time",
            target="value",
            group_ids=["series"],
            time_varying_unknown_reals=["value"],
            max_encoder_length=6,
            max_prediction_length=2,
        )
        module = getattr(pytorch_forecasting, name).from_dataset(data, learning_rate=1e-2, log_interval=-1, **arguments)
        collate = data.to_dataloader(train=True, batch_size=5).collate_fn
        return module, StatefulDataLoader(data, batch_size=5, shuffle=True, collate_fn=collate, drop_last=True)

    def n_beats(self) -> tuple[Any, ...]:
        return self.made("NBeats", widths=[8, 8], num_blocks=[1, 1], num_block_layers=[1, 1])

    def transformer(self) -> tuple[Any, ...]:
        return self.made("TemporalFusionTransformer", hidden_size=4, attention_head_size=1, dropout=0.2)

    def test_n_beats(self) -> None:
        outcome = self.clean(self.n_beats, left_out=lost_mean("train_loss_epoch"), fit_arguments=TRUSTING)
        self.assertLessEqual({"train_input", "sample_exposure", "train_loss", "logged_metrics"}, outcome.passed)
        self.assertIn("[0]['encoder_cont']", self.recorded("train_input"))

    def test_temporal_fusion_transformer(self) -> None:
        outcome = self.clean(self.transformer, left_out=lost_mean("train_loss_epoch"), fit_arguments=TRUSTING)
        self.assertLessEqual({"train_output", "rng_state", "gradients"}, outcome.passed)

    def test_without_the_remedy(self) -> None:
        outcome = self.verdicts(self.transformer, callbacks=list, fit_arguments=TRUSTING)
        self.root_cause(outcome, "rng_state", "state 3 (restored)")
        self.assertIn("parameters", outcome.failed)


class Windows(Dataset[Any]):
    """As gluonts makes them of a time series."""

    def __init__(self) -> None:
        self.series = samples(6)

    def __len__(self) -> int:
        return len(self.series)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        past, future = self.series[index].split([4, 2])
        names = ("past_target", "future_target", "past_observed_values", "future_observed_values")
        return dict(zip(names, (past, future, torch.ones(4), torch.ones(2)), strict=True))


@needs("gluonts")
class TestGluonTS(FieldCase):
    """The module makes a distribution of its output, and logs means over epochs only."""

    def made(self) -> tuple[Any, ...]:
        from gluonts.torch.model.simple_feedforward import SimpleFeedForwardLightningModule

        sizes = {"prediction_length": 2, "context_length": 4, "hidden_dimensions": [4]}
        return SimpleFeedForwardLightningModule(sizes, lr=1e-2), StatefulDataLoader(
            Windows(), batch_size=2, shuffle=True
        )

    def test_simple_feed_forward(self) -> None:
        self.clean(self.made, left_out=lost_mean("train_loss"), fit_arguments=TRUSTING)
        self.assertIn("['past_target']", self.recorded("train_input"))

    def test_at_an_epoch_end(self) -> None:
        self.assertIn("logged_metrics", self.clean(self.made, stop_at=AT_ITS_END, fit_arguments=TRUSTING).passed)


@needs("mlcolvar")
class TestMlColvar(FieldCase):
    """A variational autoencoder with dropout, and the package's own data module."""

    def autoencoder(self, data: Any) -> Any:
        from mlcolvar.cvs import VariationalAutoEncoderCV

        options = {"optimizer": {"lr": 1e-2}, "encoder": {"dropout": 0.1}, "norm_in": False}
        return VariationalAutoEncoderCV(n_cvs=1, encoder_layers=[3, 4], options=options), data

    def data_set(self) -> Any:
        from mlcolvar.data import DictDataset

        return DictDataset({"data": samples(3)})

    def test_variational_autoencoder(self) -> None:
        outcome = self.clean(
            lambda: self.autoencoder(StatefulDataLoader(self.data_set(), batch_size=2, shuffle=True)),
            left_out=lost_mean("train_loss_epoch"),
            fit_arguments=TRUSTING,
        )
        self.assertLessEqual({"train_output", "rng_state", "parameters"}, outcome.passed)

    def test_its_data_module_restarts(self) -> None:
        from mlcolvar.data import DictModule

        outcome = self.verdicts(
            lambda: self.autoencoder(DictModule(self.data_set(), lengths=[1.0], batch_size=2, shuffle=True)),
            fit_arguments=TRUSTING,
        )
        self.root_cause(outcome, "train_input", "step 4 (the first after the resume at 3)")
        self.assertIn("parameters", outcome.failed)


@needs("torch_geometric")
class TestTorchGeometric(FieldCase):
    """Batches of ``torch_geometric.data.Data``."""

    def made(self, loader: Callable[..., Any]) -> tuple[Any, ...]:
        from lightning.pytorch import LightningModule
        from torch_geometric.data import Data
        from torch_geometric.nn import GCNConv, global_mean_pool

        class Graphs(LightningModule):
            def __init__(self) -> None:
                super().__init__()
                self.convolution, self.read_out = GCNConv(2, 4), nn.Linear(4, 1)

            def training_step(self, batch: Any, batch_idx: int) -> dict[str, Any]:
                hidden = self.convolution(batch.x, batch.edge_index).relu()
                answer = self.read_out(global_mean_pool(hidden, batch.batch)).squeeze(-1)
                return {"loss": (answer - batch.y).square().mean(), "graph": Data(x=hidden.detach())}

            def configure_optimizers(self) -> Any:
                return torch.optim.Adam(self.parameters(), lr=1e-2)

        nodes, edges = samples(3, 2), torch.tensor([[0, 1], [1, 0]])
        graphs = [
            Data(x=nodes[index, : 2 + index % 2], edge_index=edges, y=nodes[index].sum()[None])
            for index in range(2 * BATCHES)
        ]
        return Graphs(), loader(graphs)

    def test_batches_of_graphs(self) -> None:
        from torch_geometric.loader.dataloader import Collater

        def stateful(graphs: Any) -> Any:
            return StatefulDataLoader(graphs, batch_size=2, shuffle=True, collate_fn=Collater(graphs))

        outcome = self.clean(lambda: self.made(stateful))
        self.assertLessEqual({"train_input", "sample_exposure", "consumed_samples", "train_output"}, outcome.passed)
        self.assertLessEqual({"._store['x']", "._store['edge_index']", "._store['ptr']"}, self.recorded("train_input"))
        self.assertIn("returned['graph']._store['x']", self.recorded("train_output"))

    def test_its_loader_restarts(self) -> None:
        from torch_geometric.loader import DataLoader as GraphLoader

        def restarting(graphs: Any) -> DataLoader[Any]:
            return GraphLoader(graphs, batch_size=2, shuffle=True)

        outcome = self.verdicts(lambda: self.made(restarting))
        # Nodes of several graphs lie in one tensor, so that no sample can be found again, but its random numbers can.
        self.root_cause(outcome, "rng_state", "state 3 (restored)")
        self.assertIn("such as by a loader that begins anew", outcome.failed["rng_state"])
        self.assertIn("train_input", outcome.failed)


if __name__ == "__main__":
    unittest.main()
