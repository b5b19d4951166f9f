"""POST /predict, /predict_batch and /explain."""

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

from msgspec import Struct

from towpath.core.errors import VerificationRefused
from towpath.serving.exchange import Exchange, Refusal
from towpath.serving.model import Model, encode
from towpath.serving.reading import BreaksContract, Reader
from towpath.serving.service import NO_MODEL, Service

T = TypeVar("T")

NO_CONTRIBUTIONS = Refusal(501, "no_contributions", "this model was packed without contributions")


class Predictions:
    """The endpoints that take records."""

    def __init__(self, service: Service):
        self._service = service

    def predict(self, exchange: Exchange) -> None:
        """One record; its row joins all others of this turn of the loop."""
        if asked := self._read(exchange, Reader.record):
            model, record = asked
            model.batcher.submit(model.prepare(record), partial(self._answer, exchange, model))

    def _answer(self, exchange: Exchange, model: Model, outcome: Any) -> None:
        try:
            if isinstance(outcome, Exception):
                raise outcome
            body = model.reply(outcome, model.said(exchange.request_id))
            self._service.count(model, outcome)
            exchange.answer(200, body, model.json)
        except Exception as error:  # the door: a fault of one answer is that answer's
            self._service.fail(exchange, model, error)

    def predict_batch(self, exchange: Exchange) -> None:
        """Many records, worked on slice by slice, so that single ones need not wait for all of them."""
        if asked := self._read(exchange, Reader.batch):
            model, records = asked
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
            self._service.fail(exchange, model, error)

    def explain(self, exchange: Exchange) -> None:
        """What each field adds to the score of one record."""
        if asked := self._read(exchange, Reader.record):
            self._explain(exchange, *asked)

    def _explain(self, exchange: Exchange, model: Model, record: Struct) -> None:
        try:
            exchange.answer(200, encode(model.explanation(record)), model.json)
        except VerificationRefused:
            self._service.refuse(exchange, NO_CONTRIBUTIONS)
        except Exception as error:  # the door
            self._service.fail(exchange, model, error)

    def _read(self, exchange: Exchange, read: Callable[[Reader, bytes], T]) -> tuple[Model, T] | None:
        """The model that will answer and what it is asked; None where that is refused already."""
        model = self._service.model
        if model is None:
            self._service.refuse(exchange, NO_MODEL)
            return None
        try:
            return model, read(model.reader, exchange.body)
        except BreaksContract as broken:
            self._service.refuse_faults(exchange, broken.faults)
            return None
