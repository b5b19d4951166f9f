"""Runbook 004's CarVision: a car in, its price out."""

import pandas as pd
from pydantic import BaseModel

from bench.reference.serving import load, log, make_app

app = make_app("CarVision Inference API")
pipeline = load()


class Car(BaseModel):
    model_year: int
    model: str
    condition: str = "good"
    cylinders: float = 4
    fuel: str = "gas"
    odometer: float = 0
    transmission: str = "automatic"
    drive: str = "fwd"
    type: str = "sedan"
    paint_color: str = "white"


@app.post("/predict")
async def predict(car: Car) -> dict[str, float]:
    price = float(pipeline.predict(pd.DataFrame([car.model_dump()]))[0])
    log.info("prediction %s", price)
    return {"prediction": price}
