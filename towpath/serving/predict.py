"""POST /predict, /predict_batch and /explain."""

from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

from msgspec import Struct

from towpath.core.errors import VerificationRefused
from towpath.serving.exchange import Exchange, Refusal
from towpath.serving.model import Model, encode
from towpath.serving.reading import BreaksContract, Reader
from towpath.serving.service import BUSY, NO_MODEL, Service

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
            model.batcher.submit(model.prepare(record), partial(self._answer, exchange, model, record))

    def _answer(self, exchange: Exchange, model: Model, record: Struct, outcome: Any) -> None:
        try:
            if isinstance(outcome, Exception):
                raise outcome
            body = model.reply(outcome, model.said(exchange.request_id))
            exchange.answer(200, body, model.json)
            model.observe(exchange, (record,), (outcome,))
        except Exception as error:  # the door: a fault of one answer is that answer's
            self._service.fail(exchange, model, error)

    def predict_batch(self, exchange: Exchange) -> None:
        """Many records, worked on slice by slice, so that single ones need not wait for all of them."""
        if asked := self._read(exchange, Reader.batch, batch=True):
            model, records = asked
            work = partial(model.replies, said=model.said(exchange.request_id))
            done = partial(self._answer_batch, exchange, model, records, perf_counter())
            model.batcher.submit_batch(records, work, done)

    def _answer_batch(
        self, exchange: Exchange, model: Model, records: Sequence[Struct], began: float, outcome: Any
    ) -> None:
        try:
            if isinstance(outcome, Exception):
                raise outcome
            said = model.said(exchange.request_id)
            body = model.batch_reply([reply for _, reply in outcome], said, perf_counter() - began)
            exchange.answer(200, body, model.json)
            model.observe(exchange, records, [seen for seen, _ in outcome])
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

    def _read(
        self, exchange: Exchange, read: Callable[[Reader, bytes], T], batch: bool = False
    ) -> tuple[Model, T] | None:
        """The model that will answer and what it is asked; None where that is refused already."""
        model = self._service.model
        if model is None:
            self._service.refuse(exchange, NO_MODEL)
            return None
        if self._service.is_busy(model, batch):
            self._service.refuse(exchange, BUSY)
            return None
        try:
            return model, read(model.reader, exchange.body)
        except BreaksContract as broken:
            self._service.refuse_faults(exchange, broken.faults)
            return None
