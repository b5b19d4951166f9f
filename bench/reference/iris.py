"""Runbook 000's Iris: four lengths in, class and probabilities out.

As there, the length of the list is not checked, the endpoint runs in a thread of the pool, nothing is counted, and the
only line of log is uvicorn's own.
"""

import numpy as np
from pydantic import BaseModel

from bench.reference.serving import load, make_app, probabilities

app = make_app("Iris Classification API")
model = load()
NAMES = ["setosa", "versicolor", "virginica"]


class Flower(BaseModel):
    features: list[float]


class Species(BaseModel):
    prediction: int
    class_name: str
    probabilities: list[float]


@app.post("/predict", response_model=Species)
def predict(flower: Flower) -> Species:
    classes, shares = probabilities(model, np.array([flower.features]))
    chosen = int(classes[0])
    return Species(prediction=chosen, class_name=NAMES[chosen], probabilities=shares[0].tolist())
