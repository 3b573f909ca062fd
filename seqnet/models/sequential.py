"""The Sequential model with Keras's methods.

It holds the list of layers and what `compile` was told; the network is made when the input shape is known, the
optimizer and metrics when the first labels are seen.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from seqnet import losses, metrics
from seqnet.arrays import Array
from seqnet.declare import get
from seqnet.errors import UsageError
from seqnet.layers.base import Layer
from seqnet.losses import Loss
from seqnet.metrics import Metric
from seqnet.metrics.trial import direction_of
from seqnet.models.arguments import (
    batch_size_of,
    check_pair,
    check_weight,
    count,
    flat,
    frequency,
    mixers,
    require_alone,
    split_validation,
    unpack,
    weigh_classes,
    weigh_rows,
    whole,
)
from seqnet.models.stack import Stack
from seqnet.models.watching import ModelTrainer, Source, display, known_to, listed, say_result, shown, steps_in
from seqnet.network.blas import running
from seqnet.network.engine import Engine, choose_threads
from seqnet.optimizers.base import Optimizer
from seqnet.training.callbacks import Callback, History, overrides, require_monitors
from seqnet.training.compiled import Compiled, check_rows, predict, prepare, slices
from seqnet.training.feed import Batch, Feed, Rows, is_feed
from seqnet.training.metricset import name_metrics
from seqnet.training.testing import predict_batches, test
from seqnet.training.trainer import FitOptions, Trainer


class Sequential(Stack):
    """A stack of layers, each taking the output of the one before.

    layers: the layers in order; a model among them stands for copies of its layers, with its weights. name: shown in
    the summary. seed: everything random in the model derives from it; default: drawn anew, or from
    `seqnet.utils.set_random_seed`.
    """

    def __init__(
        self,
        layers: Sequence[Layer | Stack] | None = None,
        trainable: bool = True,
        name: str | None = None,
        seed: int | None = None,
    ) -> None:
        self.stop_training = False
        self.optimizer: Optimizer | None = None
        self.loss: Any = None
        self.history: History | None = None
        self._compiled: Compiled | None = None
        self._inference: Engine | None = None
        self._metrics: list[Any] = []
        self._weighted: list[Any] = []
        self._threads: int | None = None
        self._order: np.random.Generator | None = None
        self._pending_optimizer: dict[str, Array] | None = None  # state that load_model read before compiling
        super().__init__(layers, trainable, name, seed)

    # -- compile, fit, evaluate, predict ----------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: float | None = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
        *,
        threads: int | None = None,
    ) -> None:
        """Say how the model learns. Raises SpecError for an unknown optimizer, loss or metric.

        run_eagerly, steps_per_execution, jit_compile and auto_scale_loss are taken for Keras's sake and change
        nothing. threads: worker threads; default: chosen from the work of a step.
        """
        self.optimizer = get(Optimizer, optimizer)
        one = loss[0] if isinstance(loss, (list, tuple)) and len(loss) == 1 else loss  # Keras: a loss for each output
        self.loss = None if one is None else get(Loss, one)
        if loss_weights is not None:
            raise UsageError("loss_weights needs several outputs; this model has one")
        self._metrics = [(_label(item), _metric(item)) for item in flat(metrics)]
        self._weighted = [(_label(item), _metric(item)) for item in flat(weighted_metrics)]
        self._threads = threads
        self._compiled = None
        if self._network is not None:
            self._follow_trainable(force=True)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: dict[int, float] | str | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        *,
        validation_shuffle: bool = False,
        weighted_sampling: Any = None,
        augment: Any = (),
    ) -> History:
        """Train for `epochs` passes over the rows; returns the History.

        x: (N, ...), y: (N, ...); or x alone: a generator, an iterable or a PyDataset of (x, y) or (x, y, weight)
        batches, in epochs of steps_per_epoch batches, or of all there are.
        validation_split takes the last rows, before shuffling, as Keras does; with validation_shuffle, rows chosen at
        random, of each class its share, and in every fit of the model the same ones.
        class_weight: weight of each class in the loss, or "balanced". weighted_sampling: rows are drawn with
        replacement, by one weight a row (N,), by a weight for the rows of each class, or "balanced", every class alike,
        as PyTorch's WeightedRandomSampler does.
        augment: mixers that mix the rows of each batch, such as {"MixUp": {"alpha": 0.2}}, or a list of them.
        Raises UsageError, ShapeError, DataError.
        """
        if shuffle not in (True, False, "batch"):
            raise UsageError(f"shuffle must be True, False or 'batch', got {shuffle!r}")
        train: Source = weigh_rows(self._source(x, y, sample_weight, class_weight), weighted_sampling, shuffle)
        validation: Source | None = None
        if validation_data is not None:
            validation = self._check_validation(validation_data)
        elif validation_split:
            stream = self._require_network().stream("validation split") if validation_shuffle else None
            train, validation = split_validation(train, validation_split, stream)
        train = weigh_classes(train, class_weight, weighted_sampling)
        size, steps = count(batch_size, "batch_size"), count(steps_per_epoch, "steps_per_epoch")
        validation_steps = count(validation_steps, "validation_steps")
        validation_size = count(validation_batch_size, "validation_batch_size") or size
        options = FitOptions(
            epochs=whole(epochs, "epochs"),
            batch_size=batch_size_of(size, train, steps),
            shuffle=shuffle,
            initial_epoch=whole(initial_epoch, "initial_epoch"),
            steps_per_epoch=steps,
            validation_steps=validation_steps,
            validation_batch_size=batch_size_of(validation_size, validation, validation_steps),
            validation_freq=frequency(validation_freq),
            augment=mixers(augment),
        )
        trainer = self.trainer(train, options)
        watching = self.prepare_callbacks(callbacks or (), trainer, train, validation, options, verbose)
        self.history = trainer.fit(train, validation, options, watching)
        self.history.set_model(self)
        self.history.set_params({"verbose": verbose, "epochs": epochs, "steps": steps_in(train, options)})
        return self.history

    def trainer(self, train: Source, options: FitOptions) -> Trainer:
        """A trainer for rows or batches like these; compiles the network for them."""
        compiled = self._compiled_for(train, options.batch_size)
        if self._order is None:
            self._order = np.random.default_rng(compiled.network.stream("order of rows"))
        return ModelTrainer(self, compiled, self._order)

    def prepare_callbacks(
        self,
        callbacks: Sequence[Callback],
        trainer: Trainer,
        train: Source,
        validation: Source | None,
        options: FitOptions,
        verbose: Any,
    ) -> list[Callback]:
        """Callbacks ready for a run: monitors checked, the model known to them, the progress display in front."""
        callbacks = known_to(self, callbacks)
        own = all(type(callback).__module__.startswith("seqnet.") for callback in callbacks)
        validated = validation is not None and options.ever_validates()
        labels = train.y if isinstance(train, Rows) else None
        require_monitors(callbacks, self.directions(validated=validated, labels=labels), others=not own)
        progress = display(verbose)
        watching = [*([progress] if progress is not None else []), *callbacks]
        self.stop_training = False
        return known_to(self, watching, verbose=verbose, epochs=options.epochs, steps=steps_in(train, options))

    def directions(self, *, validated: bool, labels: Array | None = None) -> dict[str, str | None]:
        """What will be logged, and which way is better: "min", "max", None where that is not known, or SEVERAL where
        there is no single value, which only labels to try the metrics on show."""
        compiled = self._compiled
        assert compiled is not None
        ways: dict[str, str | None] = {"loss": "min"}
        for name, metric in (*compiled.running.metrics.items(), *compiled.running.weighted.items()):
            ways[name] = direction_of(metric, labels, compiled.network.output_shape)
        if validated:
            ways.update({f"val_{name}": way for name, way in list(ways.items())})
        return ways

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics over the rows, in inference mode: a list in the order of compile, a number where there is
        only the loss, or with return_dict a mapping. x may hand out batches, as in fit."""
        source, steps = self._source(x, y, sample_weight), count(steps, "steps")
        size = batch_size_of(count(batch_size, "batch_size"), source, steps)
        compiled = self._compiled_for(source, size)
        batches = steps_in(source, FitOptions(batch_size=size, steps_per_epoch=steps))
        watching = known_to(self, callbacks, verbose=verbose, epochs=1, steps=batches)
        logs = test(compiled, source, size, steps, watching)
        say_result(verbose, logs, source.given if isinstance(source, Feed) else batches or 0)
        return logs if return_dict else listed(logs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Array:
        """The outputs for all rows. x: (N, ...) -> (N, ...); x may hand out batches, with or without their targets."""
        size = count(batch_size, "batch_size") or 32
        shown(verbose)
        steps = count(steps, "steps")
        if is_feed(x):
            feed = Feed(x, lambda item: self._check_inputs(item[0] if isinstance(item, tuple) else item))
            feed.peek()
            return self._predict(feed.batches(steps), callbacks, steps or feed.length)
        rows = self._check_inputs(x)
        if steps is not None:
            rows = rows[: steps * size]
        if not callbacks or not len(rows):
            return predict(self._engine(), rows, size)
        return self._predict((rows[part] for part in slices(len(rows), size)), callbacks, -(-len(rows) // size))

    def _predict(self, batches: Iterable[Array], callbacks: Any, steps: int | None) -> Array:
        watching = known_to(self, callbacks, verbose=0, epochs=1, steps=steps)
        for callback in watching:
            callback.on_predict_begin({})
        hooks = [c for c in watching if overrides(c, "on_predict_batch_begin", "on_predict_batch_end")]
        outputs = predict_batches(self._engine(), batches, hooks)
        for callback in watching:
            callback.on_predict_end({})
        return np.concatenate(outputs)

    def __call__(self, x: Any, training: bool = False) -> Array:
        """The outputs for one batch."""
        rows = self._check_inputs(x)
        with running():
            return self._engine().predict(prepare(self._require_network(), rows), training=training)

    def predict_on_batch(self, x: Any) -> Array:
        """The outputs for one batch."""
        return self(x)

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """One step on one batch; loss and metrics of that batch, before the update."""
        x, y = self._check_pair(x, y)
        compiled = self._require_compiled(x, y, len(x))
        compiled.running.reset()
        compiled.train_batch(prepare(compiled.network, x), y, check_weight(sample_weight, class_weight, y))
        logs = compiled.running.result()
        return logs if return_dict else listed(logs)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics of one batch, in inference mode."""
        return self.evaluate(x, y, len(np.asarray(x)), 0, sample_weight, return_dict=return_dict)

    def reset_metrics(self) -> None:
        """Begin the running values of the metrics anew."""
        if self._compiled is not None:
            self._compiled.running.reset()
            self._compiled.testing.reset()

    @property
    def metrics(self) -> list[Metric]:
        """The metrics in the order of compile, as they stand in training; the loss, which has no metric, is not
        among them."""
        if self._compiled is None:
            return [metric for _, metric in (*self._metrics, *self._weighted)]
        running = self._compiled.running
        return [*running.metrics.values(), *running.weighted.values()]

    @property
    def metrics_names(self) -> list[str]:
        """The names of what evaluate returns."""
        return ["loss", *name_metrics(self._metrics), *name_metrics(self._weighted, list(name_metrics(self._metrics)))]

    # -- description ------------------------------------------------------------------------------------------------

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[..., Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Print the table of layers, as Keras 3 prints it."""
        from seqnet.console.summary import print_summary
        from seqnet.models.summary import summarize

        table = summarize(self, expand_nested=expand_nested, layer_range=layer_range)
        print_summary(
            table, line_length=line_length, positions=positions, print_fn=print_fn, show_trainable=show_trainable
        )

    def save(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write stack, weights, and what compile was told into one file that `seqnet.load_model` reads."""
        from seqnet.models.saving import save_model

        save_model(self, filepath, overwrite=overwrite)

    def save_weights(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write the weights alone."""
        from seqnet.models.saving import save_weights

        save_weights(self, filepath, overwrite=overwrite)

    def load_weights(self, filepath: str | os.PathLike[str], skip_mismatch: bool = False) -> None:
        """Read weights that save_weights or save wrote; skip_mismatch: those that fit. Raises CheckpointError."""
        from seqnet.models.saving import load_weights

        load_weights(self, filepath, skip_mismatch=skip_mismatch)

    def __repr__(self) -> str:
        return f"<Sequential name={self.name}, built={self.built}>"

    # -- parts ------------------------------------------------------------------------------------------------------

    def _forget(self) -> None:
        self._compiled = self._inference = None

    def _engine(self) -> Engine:
        if self._compiled is not None:
            return self._compiled.engine
        if self._inference is None:
            self._inference = Engine(self._require_network())
        return self._inference

    def _compiled_for(self, source: Source, batch_size: int) -> Compiled:
        if self._compiled is None or isinstance(source, Feed):
            x, y = (source.x, source.y) if isinstance(source, Rows) else source.peek()[:2]
            return self._require_compiled(x, y, batch_size if isinstance(source, Rows) else len(x))
        return self._compiled

    def _require_compiled(self, x: Array, y: Array, batch_size: int) -> Compiled:
        if self._compiled is None:
            if self.optimizer is None:
                raise UsageError("the model must be compiled first: model.compile(optimizer=..., loss=...)")
            if self.loss is None:
                raise UsageError("training needs a loss: model.compile(optimizer=..., loss=...)")
            network = self._require_network()
            self._follow_trainable()
            out, labels = network.output_shape, y.shape[1:]
            loss = losses.resolve_loss(self.loss, labels, out)
            named = name_metrics([(n, metrics.resolve_metric(m, labels, out)) for n, m in self._metrics])
            weighted = name_metrics(
                [(n, metrics.resolve_metric(m, labels, out)) for n, m in self._weighted], list(named)
            )
            threads = self._threads or choose_threads(network, batch_size)
            helped = self._threads is None  # whoever asks for a number of workers gets no other
            self._compiled = Compiled(network, self.optimizer, loss, named, weighted, threads=threads, helped=helped)
            if self._pending_optimizer is not None:
                self.optimizer.load_state(self._pending_optimizer)
                self._pending_optimizer = None
        return self._compiled

    def _source(self, x: Any, y: Any, sample_weight: Any, class_weight: Any = None) -> Source:
        """What fit and evaluate take their batches from."""
        if not is_feed(x):
            x, y = self._check_pair(x, y)
            return Rows(x, y, check_weight(sample_weight, None, y))  # classes are weighed when rows have been split off
        require_alone(x, y=y, sample_weight=sample_weight, class_weight=class_weight)
        return self._feed(x, class_weight)

    def _feed(self, source: Any, class_weight: Any = None) -> Feed[Batch]:
        def check(item: Any) -> Batch:
            x, y, weight = unpack(item)
            x, y = self._check_pair(x, y)
            return x, y, check_weight(weight, class_weight, y)

        return Feed(source, check)

    def _check_pair(self, x: Any, y: Any) -> tuple[Array, Array]:
        if x is None:
            raise UsageError("there are no inputs: pass x and y as arrays")
        if y is None:
            raise UsageError("there are no targets: pass x and y as arrays")
        self._adopt_shape(x)
        return check_pair(self._require_network(), x, y)

    def _check_inputs(self, x: Any) -> Array:
        self._adopt_shape(x)
        return check_rows(self._require_network(), x)

    def _check_validation(self, data: Any) -> Source:
        if is_feed(data):
            return self._feed(data)
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            raise UsageError(
                "validation_data must be (x, y), (x, y, sample_weight), or a generator or PyDataset of batches"
            )
        return self._source(data[0], data[1], data[2] if len(data) == 3 else None)


def _label(item: Any) -> str | None:
    return item if isinstance(item, str) else None


def _metric(item: Any) -> Metric:
    return get(Metric, item)
