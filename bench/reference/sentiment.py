"""Runbook 002's Sentiment: a text in, its tone out; in Flask on gunicorn with two workers, at that runbook's pins.

Paths, replies and refusals are those of its API. The original counts words of two lists and has no model: it gets the
one that our side serves.
"""

import os
from typing import Any

import joblib
from flask import Flask, jsonify, request

app = Flask(__name__)
pipeline = joblib.load(os.environ["REFERENCE_MODEL"])
NAMES = ["negative", "positive"]


@app.get("/health")
def health() -> Any:
    return jsonify(status="healthy")


@app.post("/predict")
def predict() -> Any:
    given = request.get_json(silent=True)
    if not isinstance(given, dict) or "text" not in given:
        return jsonify(error="Request must include a 'text' field"), 400
    if not isinstance(given["text"], str) or not given["text"].strip():
        return jsonify(error="'text' must be a non-empty string"), 400
    shares = pipeline.predict_proba([given["text"]])[0]
    best = int(shares.argmax())
    return jsonify(label=NAMES[best], confidence=round(float(shares[best]), 2))
