"""The Sequential model with Keras's methods.

It holds the list of layers and what `compile` was told; the network is made when the input shape is known, the
optimizer and metrics when the first labels are seen.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from seqnet import losses, metrics
from seqnet.arrays import Array
from seqnet.declare import get
from seqnet.errors import UsageError
from seqnet.layers.base import Layer
from seqnet.losses import Loss
from seqnet.metrics import Metric
from seqnet.models.arguments import check_pair, check_weight, flat, positive, split_tail, whole
from seqnet.models.stack import Stack
from seqnet.network.engine import Engine, choose_threads
from seqnet.optimizers.base import Optimizer
from seqnet.training.callbacks import Callback, History, Logs, require_monitors
from seqnet.training.compiled import Compiled, check_rows, predict, prepare
from seqnet.training.metricset import name_metrics
from seqnet.training.trainer import FitOptions, Rows, Trainer


class Sequential(Stack):
    """A stack of layers, each taking the output of the one before.

    layers: the layers in order. name: shown in the summary. seed: everything random in the model derives from it;
    default: drawn anew, or from `seqnet.utils.set_random_seed`.
    """

    def __init__(
        self,
        layers: Sequence[Layer] | None = None,
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
    ) -> History:
        """Train for `epochs` passes over the rows; returns the History.

        x: (N, ...), y: (N, ...). validation_split takes the last rows, before shuffling, as Keras does.
        Raises UsageError, ShapeError, DataError.
        """
        if shuffle not in (True, False, "batch"):
            raise UsageError(f"shuffle must be True, False or 'batch', got {shuffle!r}")
        x, y = self._check_pair(x, y)
        weight = check_weight(sample_weight, class_weight, y)
        train = Rows(x, y, weight)
        validation = None
        if validation_data is not None:
            validation = self._check_validation(validation_data)
        elif validation_split:
            train, validation = split_tail(train, validation_split)
        options = FitOptions(
            epochs=whole(epochs, "epochs"),
            batch_size=32 if batch_size is None else positive(batch_size, "batch_size"),
            shuffle=shuffle,
            initial_epoch=whole(initial_epoch, "initial_epoch"),
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
            validation_freq=validation_freq,
        )
        trainer = self.trainer(train, options)
        watching = self.prepare_callbacks(callbacks or (), trainer, train, validation, options, verbose)
        self.history = trainer.fit(train, validation, options, watching)
        self.history.set_model(self)
        self.history.set_params({"verbose": verbose, "epochs": epochs, "steps": _steps(options, train)})
        return self.history

    def trainer(self, train: Rows, options: FitOptions) -> Trainer:
        """A trainer for rows like these; compiles the network for them."""
        compiled = self._require_compiled(train.x, train.y, options.batch_size)
        if self._order is None:
            self._order = np.random.default_rng(compiled.network.stream("order of rows"))
        return _ModelTrainer(self, compiled, self._order)

    def prepare_callbacks(
        self,
        callbacks: Sequence[Callback],
        trainer: Trainer,
        train: Rows,
        validation: Rows | None,
        options: FitOptions,
        verbose: Any,
    ) -> list[Callback]:
        """Callbacks ready for a run: monitors checked, the model known to them, the progress display in front."""
        callbacks = self._watching(callbacks)
        own = all(type(callback).__module__.startswith("seqnet.") for callback in callbacks)
        if own:  # a user's callback may add values of its own
            require_monitors(callbacks, self.directions(validated=validation is not None))
        display = _display(verbose)
        watching = [*([display] if display is not None else []), *callbacks]
        for callback in watching:
            callback.set_params({"verbose": verbose, "epochs": options.epochs, "steps": _steps(options, train)})
            callback.set_model(self)
        self.stop_training = False
        return watching

    def _watching(self, callbacks: Any) -> list[Callback]:
        """Callbacks, or a single one as Keras takes it, that know the model."""
        listed = [] if callbacks is None else [callbacks] if isinstance(callbacks, Callback) else list(callbacks)
        for callback in listed:
            if not isinstance(callback, Callback):
                raise UsageError(f"callbacks must be seqnet callbacks, got {type(callback).__name__}")
            callback.set_model(self)
        return listed

    def directions(self, *, validated: bool) -> dict[str, str | None]:
        """What will be logged, and which way is better: "min", "max" or None where that is not known."""
        compiled = self._compiled
        assert compiled is not None
        ways: dict[str, str | None] = {"loss": "min"}
        for name, metric in (*compiled.running.metrics.items(), *compiled.running.weighted.items()):
            ways[name] = metric.direction
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
        only the loss, or with return_dict a mapping."""
        x, y = self._check_pair(x, y)
        size = 32 if batch_size is None else positive(batch_size, "batch_size")
        compiled = self._require_compiled(x, y, size)
        watching = self._watching(callbacks)
        for callback in watching:
            callback.on_test_begin({})
        logs = compiled.evaluate(x, y, check_weight(sample_weight, None, y), size, steps)
        for callback in watching:
            callback.on_test_end(logs)
        _say_result(verbose, logs, -(-len(x) // size))
        return logs if return_dict else _listed(logs)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Array:
        """The outputs for all rows. x: (N, ...) -> (N, ...)."""
        self._adopt_shape(x)
        network = self._require_network()
        rows = check_rows(network, x)
        size = 32 if batch_size is None else positive(batch_size, "batch_size")
        watching = self._watching(callbacks)
        for callback in watching:
            callback.on_predict_begin({})
        outputs = predict(self._engine(), rows if steps is None else rows[: steps * size], size)
        for callback in watching:
            callback.on_predict_end({})
        return outputs

    def __call__(self, x: Any, training: bool = False) -> Array:
        """The outputs for one batch."""
        self._adopt_shape(x)
        network = self._require_network()
        return self._engine().predict(prepare(network, check_rows(network, x)), training=training)

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
        return logs if return_dict else _listed(logs)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics of one batch, in inference mode."""
        return self.evaluate(x, y, len(np.asarray(x)), 0, sample_weight, return_dict=return_dict)

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

    def load_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Read weights that save_weights or save wrote. Raises CheckpointError."""
        from seqnet.models.saving import load_weights

        load_weights(self, filepath)

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
            self._compiled = Compiled(network, self.optimizer, loss, named, weighted, threads=threads)
            if self._pending_optimizer is not None:
                self.optimizer.load_state(self._pending_optimizer)
                self._pending_optimizer = None
        return self._compiled

    def _check_pair(self, x: Any, y: Any) -> tuple[Array, Array]:
        if x is None:
            raise UsageError("there are no inputs: pass x and y as arrays")
        if y is None:
            raise UsageError("there are no targets: pass x and y as arrays")
        self._adopt_shape(x)
        return check_pair(self._require_network(), x, y)

    def _check_validation(self, data: Any) -> Rows:
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            raise UsageError("validation_data must be (x, y) or (x, y, sample_weight)")
        x, y = self._check_pair(data[0], data[1])
        return Rows(x, y, check_weight(data[2] if len(data) == 3 else None, None, y))


class _ModelTrainer(Trainer):
    """A trainer that obeys `model.stop_training`, which is where Keras's callbacks set it."""

    def __init__(self, model: Sequential, compiled: Compiled, order: np.random.Generator) -> None:
        self._model = model
        super().__init__(compiled, order)

    @property
    def stop_training(self) -> bool:
        return self._model.stop_training

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        self._model.stop_training = value


def _label(item: Any) -> str | None:
    return item if isinstance(item, str) else None


def _metric(item: Any) -> Metric:
    return get(Metric, item)


def _listed(logs: Logs) -> Any:
    values = list(logs.values())
    return values[0] if len(values) == 1 else values


def _steps(options: FitOptions, train: Rows) -> int:
    return options.steps_per_epoch or -(-len(train) // options.batch_size)


def _shows(verbose: Any) -> bool:
    if verbose not in ("auto", 0, 1, 2, None):
        raise UsageError(f"verbose must be 'auto', 0, 1 or 2, got {verbose!r}")
    return verbose not in (0, None)


def _display(verbose: Any) -> Callback | None:
    if not _shows(verbose):
        return None
    from seqnet.console.progress import keras_display

    return keras_display(2 if verbose == 2 else 1)


def _say_result(verbose: Any, logs: Logs, steps: int) -> None:
    if not _shows(verbose):
        return
    from seqnet.console.progress import say_result

    say_result(logs, steps)
