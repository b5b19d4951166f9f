"""Runbook 000's Iris: four lengths in, class and probabilities out."""

from typing import Any

from pydantic import BaseModel

from bench.reference.serving import FAIR, load, log, make_app

app = make_app("Iris Classification API")
model = load()
NAMES = ["setosa", "versicolor", "virginica"]


class Flower(BaseModel):
    features: list[float]


@app.post("/predict")
async def predict(flower: Flower) -> dict[str, Any]:
    shares = model.predict_proba([flower.features])[0]
    chosen = int(shares.argmax()) if FAIR else int(model.predict([flower.features])[0])
    log.info("prediction %s", NAMES[chosen])
    return {"prediction": chosen, "class_name": NAMES[chosen], "probabilities": shares.tolist()}
