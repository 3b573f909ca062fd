"""Testing and predicting outside of training steps, with the hooks that callbacks have there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from seqnet.arrays import Array
from seqnet.network.blas import running
from seqnet.network.engine import Engine
from seqnet.training.callbacks import Callback, Logs, overrides
from seqnet.training.compiled import Compiled, prepare, slices
from seqnet.training.feed import Batch, Feed, Rows


def test(
    compiled: Compiled,
    source: Rows | Feed[Batch],
    batch_size: int,
    steps: int | None = None,
    callbacks: Sequence[Callback] = (),
) -> Logs:
    """Loss and metrics over rows or batches, in inference mode; `steps` batches at most."""
    for callback in callbacks:
        callback.on_test_begin({})
    hooks = [c for c in callbacks if overrides(c, "on_test_batch_begin", "on_test_batch_end")]
    if isinstance(source, Rows) and not hooks:
        logs = compiled.evaluate(source.x, source.y, source.weight, batch_size, steps)
    else:
        logs = _test(compiled, _batches(source, batch_size, steps), hooks)
    for callback in callbacks:
        callback.on_test_end(logs)
    return logs


def predict_batches(engine: Engine, batches: Iterable[Array], hooks: Sequence[Callback] = ()) -> list[Array]:
    """The outputs of each batch, with the hooks of callbacks around it."""
    parts: list[Array] = []
    with running():
        for number, x in enumerate(batches):
            for callback in hooks:
                callback.on_predict_batch_begin(number, {})
            parts.append(engine.predict(prepare(engine.network, x)))
            for callback in hooks:
                callback.on_predict_batch_end(number, {"outputs": parts[-1]})
    return parts


def _test(compiled: Compiled, batches: Iterable[Batch], hooks: Sequence[Callback]) -> Logs:
    compiled.testing.reset()
    with running():
        for number, (x, y, weight) in enumerate(batches):
            for callback in hooks:
                callback.on_test_batch_begin(number, {})
            loss, prediction, mask = compiled.engine.test_step(prepare(compiled.network, x), y, weight)
            compiled.testing.update(loss, y, prediction, weight, mask)
            if hooks:
                logs = compiled.testing.result()
                for callback in hooks:
                    callback.on_test_batch_end(number, logs)
    return compiled.testing.result()


def _batches(source: Rows | Feed[Batch], batch_size: int, steps: int | None) -> Iterator[Batch]:
    if isinstance(source, Feed):
        yield from source.batches(steps)
        return
    for number, rows in enumerate(slices(len(source), batch_size)):
        if number == steps:
            return
        yield source.x[rows], source.y[rows], None if source.weight is None else source.weight[rows]
