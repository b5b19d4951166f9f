"""POST /predict, /predict_batch and /explain."""

from functools import partial
from time import perf_counter
from typing import Any

from msgspec import Struct

from towpath.core.errors import VerificationRefused
from towpath.serving.exchange import Exchange, Refusal
from towpath.serving.model import Model, encode
from towpath.serving.reading import BreaksContract
from towpath.serving.service import NO_MODEL, Service

NO_CONTRIBUTIONS = Refusal(501, "no_contributions", "this model was packed without contributions")


class Predictions:
    """The endpoints that take records."""

    def __init__(self, service: Service):
        self._service = service

    def predict(self, exchange: Exchange) -> None:
        """One record; its row joins all others of this turn of the loop."""
        model = self._service.model
        if model is None:
            return self._service.refuse(exchange, NO_MODEL)
        try:
            record = model.reader.record(exchange.body)
        except BreaksContract as broken:
            return self._service.refuse_faults(exchange, broken.faults)
        model.batcher.submit(model.prepare(record), partial(self._answer, exchange, model))

    def _answer(self, exchange: Exchange, model: Model, outcome: Any) -> None:
        try:
            if isinstance(outcome, Exception):
                raise outcome
            body = model.reply(outcome, model.said(exchange.request_id))
            self._service.count(model, outcome)
            exchange.answer(200, body, model.json)
        except Exception as error:  # the door: a fault of one answer is that answer's
            self._service.fail(exchange, error)

    def predict_batch(self, exchange: Exchange) -> None:
        """Many records, worked on slice by slice, so that single ones need not wait for all of them."""
        model = self._service.model
        if model is None:
            return self._service.refuse(exchange, NO_MODEL)
        try:
            records = model.reader.batch(exchange.body)
        except BreaksContract as broken:
            return self._service.refuse_faults(exchange, broken.faults)
        work = partial(model.replies, said=model.said(exchange.request_id))
        model.batcher.submit_batch(records, work, partial(self._answer_batch, exchange, model, perf_counter()))

    def _answer_batch(self, exchange: Exchange, model: Model, began: float, outcome: Any) -> None:
        try:
            if isinstance(outcome, Exception):
                raise outcome
            said = model.said(exchange.request_id)
            body = model.batch_reply([reply for _, reply in outcome], said, perf_counter() - began)
            for seen, _ in outcome:
                self._service.count(model, seen)
            exchange.answer(200, body, model.json)
        except Exception as error:  # the door
            self._service.fail(exchange, error)

    def explain(self, exchange: Exchange) -> None:
        """What each field adds to the score of one record."""
        model = self._service.model
        if model is None:
            return self._service.refuse(exchange, NO_MODEL)
        try:
            record = model.reader.record(exchange.body)
        except BreaksContract as broken:
            return self._service.refuse_faults(exchange, broken.faults)
        self._explain(exchange, model, record)

    def _explain(self, exchange: Exchange, model: Model, record: Struct) -> None:
        try:
            exchange.answer(200, encode(model.explanation(record)), model.json)
        except VerificationRefused:
            self._service.refuse(exchange, NO_CONTRIBUTIONS)
        except Exception as error:  # the door
            self._service.fail(exchange, error)
