"""The metrics that are a mean, as functions with Keras's signatures: one value a row, unreduced."""

from __future__ import annotations

from seqnet.losses.functions import ValuesFunction
from seqnet.metrics.accuracy import (
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from seqnet.metrics.regression import ConcordanceCorrelation, PearsonCorrelation

binary_accuracy = ValuesFunction("binary_accuracy", BinaryAccuracy)
categorical_accuracy = ValuesFunction("categorical_accuracy", CategoricalAccuracy)
concordance_correlation = ValuesFunction("concordance_correlation", ConcordanceCorrelation)
pearson_correlation = ValuesFunction("pearson_correlation", PearsonCorrelation)
sparse_categorical_accuracy = ValuesFunction("sparse_categorical_accuracy", SparseCategoricalAccuracy)
sparse_top_k_categorical_accuracy = ValuesFunction("sparse_top_k_categorical_accuracy", SparseTopKCategoricalAccuracy)
top_k_categorical_accuracy = ValuesFunction("top_k_categorical_accuracy", TopKCategoricalAccuracy)
