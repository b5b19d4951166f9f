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
    interval,
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
from towpath.declare.backtest import by
from towpath.declare.converters import converter
from towpath.declare.data import csv, lines, packaged, random, stratified
from towpath.declare.estimators import resampled
from towpath.declare.gates import at_least, at_most, fair, no_worse_than_champion, slices
from towpath.declare.metrics import (
    accuracy,
    auc,
    average_precision,
    balanced_accuracy,
    brier,
    ece,
    f1,
    lift_at,
    log_loss,
    mae,
    mape,
    mcc,
    median_ae,
    precision,
    precision_at,
    r2,
    recall,
    rmse,
    specificity,
    value_of,
)
from towpath.declare.record import Context, Id, NotBlank, Private, Record, named
from towpath.declare.rules import at_least_rows, between, minority_share, no_duplicates, share_missing, unique
from towpath.declare.service import Service, best_for, binary, multiclass, regression
from towpath.declare.styles import Batch, Health, Style, endpoints, message, redirect
from towpath.declare.tuning import choice, real, search, whole

__all__ = [
    "Batch", "Context", "Health", "Id", "Meta", "NotBlank", "Private", "Record", "Service", "Style", "accuracy",
    "answers", "at_least", "at_least_rows", "at_most", "auc", "average_precision", "balanced_accuracy", "band",
    "batch_id", "best_for", "between", "binary", "brier", "by", "choice", "class_index", "class_name", "constant",
    "contributions", "converter", "count", "csv", "decide", "ece", "endpoints", "f1", "fair", "interval", "lift_at",
    "lines",
    "log_loss", "mae", "mape", "margin", "mcc", "median_ae", "message", "minority_share", "multiclass", "named",
    "no_duplicates", "no_worse_than_champion", "packaged", "precision", "precision_at", "probabilities", "probability",
    "r2", "random", "real", "recall", "redirect", "regression", "release", "request_id", "resampled", "rmse", "search",
    "seconds", "share_missing", "slices", "specificity", "stratified", "timestamp", "top", "unique", "value",
    "value_of", "whole",
]  # fmt: skip
