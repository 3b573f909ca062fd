"""Cases of the layers in front of sequences: tables of vectors, positions, masks.

What a row may say stands in tests/layer_rows.py.
"""

from __future__ import annotations

from typing import Any

LENGTHS = [4, 2, 1, 3, 4]  # of rows with four steps
JUMP = "a step that is padding jumps to its value as soon as the input moves"
JUMPS = {"differences": JUMP, "differences_training": JUMP}


def row(
    case: str, layer: str, shape: tuple[int, ...], /, *, extra: dict[str, Any] | None = None, **options: Any
) -> dict[str, Any]:
    return {"case": case, "layer": layer, "input": shape, "options": options, **(extra or {})}


def words(below: int, **more: Any) -> dict[str, Any]:
    return {"values": ["below", below], **more}


ROWS: list[dict[str, Any]] = [
    row("embedding", "Embedding", (5, 6), input_dim=7, output_dim=3, extra=words(7, open=(None,))),
    row("embedding_of_single_words", "Embedding", (5,), input_dim=4, output_dim=2, extra=words(4)),
    row("embedding_of_tables", "Embedding", (4, 2, 3), input_dim=5, output_dim=2, extra=words(5)),
    row("embedding_rarely_used", "Embedding", (4, 3), input_dim=60, output_dim=2, extra=words(60)),
    row("embedding_of_one_word", "Embedding", (4, 12), input_dim=3, output_dim=2, extra=words(1)),
    row("embedding_of_floats", "Embedding", (5, 4), input_dim=2, output_dim=3, extra={"values": "positive"}),
    row(
        "embedding_with_padding",
        "Embedding",
        (5, 4),
        input_dim=6,
        output_dim=3,
        mask_zero=True,
        extra=words(6, lengths=LENGTHS, padding="zeros"),
    ),
    row(
        "embedding_restrained",
        "Embedding",
        (5, 4),
        input_dim=6,
        output_dim=3,
        embeddings_regularizer={"L2": {"l2": 0.1}},
        embeddings_constraint={"MaxNorm": {"max_value": 0.7, "axis": 1}},
        activity_regularizer={"L1": {"l1": 0.02}},
        extra=words(6),
    ),
    row("masking", "Masking", (5, 4, 3), extra={"lengths": LENGTHS, "padding": "zeros", "exempt": JUMPS}),
    row("masking_of_nothing", "Masking", (4, 3, 2), mask_value=9.0),
    row(
        "masking_of_wide_steps",
        "Masking",
        (5, 4, 2, 3),
        extra={"lengths": LENGTHS, "padding": "zeros", "exempt": JUMPS},
    ),
    row("masking_of_a_mark", "Masking", (5, 4, 1), mask_value=2.5, extra={"lengths": LENGTHS, "exempt": JUMPS}),
    row("positions", "PositionalEmbedding", (5, 4, 3), extra={"keras": "positions"}),
    row("positions_longer", "PositionalEmbedding", (5, 4, 3), length=6, extra={"keras": "positions"}),
    row("positions_masked", "PositionalEmbedding", (5, 4, 3), extra={"keras": "positions", "lengths": LENGTHS}),
    row("waves", "PositionalEmbedding", (4, 5, 4), kind="sinusoidal", extra={"keras": "waves"}),
    row("waves_of_odd_width", "PositionalEmbedding", (4, 3, 5), kind="sinusoidal", extra={"keras": "waves"}),
]
