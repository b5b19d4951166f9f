"""Runbook 004's Telecom: a month of use in, the plan that fits out.

Fields, series and the reply, a dict without a model of its own, are those of its API; it writes no INFO line.
"""

import time
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, Field

from bench.reference.serving import Counts, load, make_app, probabilities

app = make_app("TelecomAI Inference API")
counts = Counts(app, "telecom")
pipeline = load()
Amount = Annotated[float, Field(ge=0)]


class Month(BaseModel):
    calls: Amount
    minutes: Amount
    messages: Amount
    mb_used: Amount


@app.post("/predict")
async def predict(month: Month) -> dict[str, Any]:
    began = time.time()
    classes, found = probabilities(pipeline, pd.DataFrame([month.model_dump()]))
    counts.answered("/predict", time.time() - began)
    return {"prediction": int(classes[0]), "probability_is_ultra": float(found[0, 1])}
