"""What a user writes: the vocabulary of a service declaration. Importing it loads nothing but msgspec."""

from msgspec import Meta

from towpath.declare.answers import (
    answers,
    band,
    batch_id,
    class_index,
    class_name,
    constant,
    contributions,
    count,
    decide,
    margin,
    probabilities,
    probability,
    release,
    request_id,
    seconds,
    timestamp,
    top,
    value,
)
from towpath.declare.data import csv, lines, packaged, random, stratified
from towpath.declare.gates import at_least, at_most, no_worse_than_champion, slices
from towpath.declare.metrics import accuracy, auc, brier, f1, log_loss, precision, r2, recall, rmse
from towpath.declare.record import Context, Id, NotBlank, Private, Record, named
from towpath.declare.service import Service, best_for, binary, multiclass, regression
from towpath.declare.styles import Batch, Health, Style, endpoints, message, redirect

__all__ = [
    "Batch", "Context", "Health", "Id", "Meta", "NotBlank", "Private", "Record", "Service", "Style",
    "accuracy", "answers", "at_least", "at_most", "auc", "band", "batch_id", "best_for", "binary", "brier",
    "class_index", "class_name", "constant", "contributions", "count", "csv", "decide", "endpoints", "f1",
    "lines", "log_loss", "margin", "message", "multiclass", "named", "no_worse_than_champion", "packaged",
    "precision", "probabilities", "probability", "r2", "random", "recall", "redirect", "regression", "release",
    "request_id", "rmse", "seconds", "slices", "stratified", "timestamp", "top", "value",
]  # fmt: skip
