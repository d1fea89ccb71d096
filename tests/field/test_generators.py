"""Models that make data: a language model, a GAN, a variational autoencoder."""

from __future__ import annotations

import unittest
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal, kl_divergence

from tests.field.case import AT_ITS_END, BATCHES, FieldCase, loader, samples


class LanguageModel(LightningModule):
    """A transformer with dropout, tied embeddings, weight decay for some parameters only, and a warm-up by step."""

    def __init__(self, vocabulary: int = 11, width: int = 8) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.embedding = nn.Embedding(vocabulary, width)
        self.layer = nn.TransformerEncoderLayer(width, 2, 2 * width, dropout=0.2, batch_first=True)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.embedding.weight

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        (tokens,) = batch
        inputs, targets = tokens[:, :-1], tokens[:, 1:]
        mask = nn.Transformer.generate_square_subsequent_mask(inputs.shape[1])
        logits = self.head(self.layer(self.embedding(inputs), mask))
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> Any:
        decayed = [parameter for parameter in self.parameters() if parameter.ndim > 1]
        others = [parameter for parameter in self.parameters() if parameter.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=1e-2)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 6))
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]


def language_model() -> tuple[Any, ...]:
    return LanguageModel(), loader(torch.arange(2 * BATCHES * 6).reshape(-1, 6) % 11)


class GAN(LightningModule):
    """Two optimizers by hand, noise drawn in the step, BatchNorm, toggled optimizers."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.generator = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3))
        self.discriminator = nn.Sequential(nn.Linear(3, 4), nn.LeakyReLU(), nn.Dropout(0.2), nn.Linear(4, 1))

    def adversarial(self, images: Tensor, real: bool) -> Tensor:
        answers = self.discriminator(images)
        return nn.functional.binary_cross_entropy_with_logits(answers, torch.full_like(answers, float(real)))

    def training_step(self, batch: list[Tensor], batch_idx: int) -> None:
        (images,) = batch
        of_generator, of_discriminator = self.optimizers()
        self.toggle_optimizer(of_generator)
        fooled = self.adversarial(self.generator(torch.randn(len(images), 2)), real=True)
        self.update(of_generator, fooled)
        self.toggle_optimizer(of_discriminator)
        generated = self.generator(torch.randn(len(images), 2)).detach()
        self.update(of_discriminator, self.adversarial(images, real=True) + self.adversarial(generated, real=False))
        self.log_dict({"generator": fooled})

    def update(self, optimizer: Any, loss: Tensor) -> None:
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()
        self.untoggle_optimizer(optimizer)

    def configure_optimizers(self) -> Any:
        parts = (self.generator, self.discriminator)
        return [torch.optim.Adam(part.parameters(), lr=1e-2, betas=(0.5, 0.99)) for part in parts], []


class Encoder(nn.Module):
    """A child that returns a distribution."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Linear(3, 4)

    def forward(self, inputs: Tensor) -> Distribution:
        mean, scale = self.layers(inputs).chunk(2, dim=-1)
        return Independent(Normal(mean, nn.functional.softplus(scale)), 1)


class VAE(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(), nn.Linear(2, 3)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> dict[str, Any]:
        posterior = self.encoder(batch[0])
        prior = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
        rebuilt = self.decoder(posterior.rsample())
        loss = nn.functional.mse_loss(rebuilt, batch[0]) + kl_divergence(posterior, prior).mean()
        return {"loss": loss, "posterior": Normal(rebuilt.detach(), 1.0)}

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=1e-2)


class TestGenerators(FieldCase):
    def test_language_model(self) -> None:
        outcome = self.clean(language_model)
        self.assertLessEqual({"learning_rate", "rng_state", "logged_metrics", "train_output"}, outcome.passed)
        self.assertIn("['.aliases']['embedding.weight'][0]", self.recorded("parameters"))

    def test_gan(self) -> None:
        outcome = self.clean(lambda: (GAN(), loader(samples(3))), optimizers=2)
        self.assertLessEqual({"optimizer_state", "buffers", "gradients"}, outcome.passed)

    def test_gan_at_an_epoch_end(self) -> None:
        self.clean(lambda: (GAN(), loader(samples(3))), optimizers=2, stop_at=AT_ITS_END)

    def test_without_the_remedy_the_random_numbers_are_the_root_cause(self) -> None:
        outcome = self.verdicts(lambda: (VAE(), loader(samples(3))), callbacks=list)
        self.root_cause(outcome, "rng_state", "state 3 (restored)")
        self.assertIn("parameters", outcome.failed)

    def test_vae_whose_encoder_returns_a_distribution(self) -> None:
        self.clean(lambda: (VAE(), loader(samples(3))))
        outputs = self.recorded("train_output")
        self.assertLessEqual({"module['encoder'](0).base_dist.loc", "returned['posterior'].scale"}, outputs)


if __name__ == "__main__":
    unittest.main()
