"""Runbook 004's Telecom: a month of use in, the plan that fits out."""

from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, Field

from bench.reference.serving import FAIR, load, log, make_app

app = make_app("TelecomAI Inference API")
pipeline = load()
Amount = Annotated[float, Field(ge=0)]


class Month(BaseModel):
    calls: Amount
    minutes: Amount
    messages: Amount
    mb_used: Amount


@app.post("/predict")
async def predict(month: Month) -> dict[str, Any]:
    row = pd.DataFrame([month.model_dump()])
    p = float(pipeline.predict_proba(row)[0, 1])
    chosen = int(p >= 0.5) if FAIR else int(pipeline.predict(row)[0])
    log.info("prediction %s", chosen)
    return {"prediction": chosen, "probability_is_ultra": p}
