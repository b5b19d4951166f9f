"""POST /predict, /predict_batch and /explain."""

from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

from msgspec import Struct

from towpath.core.errors import VerificationRefused
from towpath.engine.answers import Seen, together
from towpath.serving.exchange import Exchange, Refusal
from towpath.serving.model import Model, encode
from towpath.serving.reading import BreaksContract, Reader
from towpath.serving.service import BUSY, NO_MODEL, Service

T = TypeVar("T")
Ticket = tuple[Exchange, Struct, Model]
"""Who asked, what, and which model answers."""

NO_CONTRIBUTIONS = Refusal(501, "no_contributions", "this model was packed without contributions")


class Predictions:
    """The endpoints that take records."""

    def __init__(self, service: Service):
        self._service = service
        self._take = self._answer  # made once, so that all rows of a turn have the same taker

    def predict(self, exchange: Exchange) -> None:
        """One record; its row joins all others of this turn of the loop."""
        model = self._model(exchange, self.predict)
        if model is None:
            return
        if model.remembered and (known := model.remembered.find(exchange.body)):
            record, seen = known
            return self._answer([(exchange, record, model)], seen)
        try:
            record = model.reader.record(exchange.body)
        except BreaksContract as broken:
            return self._service.refuse_faults(exchange, broken.faults, model)
        model.batcher.submit(model.prepare(record), (exchange, record, model), self._take, exchange.began)

    def _answer(self, tickets: Sequence[Ticket], seen: Any) -> None:
        """Answer the requests of one turn, which one model has seen."""
        exchanges, records, models = zip(*tickets, strict=True)
        model = models[0]
        try:
            if isinstance(seen, Exception):
                raise seen
            for exchange, reply in zip(exchanges, self._replies(model, exchanges, seen), strict=True):
                exchange.answer(200, reply, model.json)
            model.observe(exchanges, records, seen)
            if model.remembered:
                for i, exchange in enumerate(exchanges):
                    model.remembered.keep(exchange.body, records[i], seen[[i]])  # a copy: not all of the turn
        except Exception as error:  # the door: a fault of one answer is that answer's
            left = [i for i, exchange in enumerate(exchanges) if not exchange.reply]
            if len(tickets) == 1 or not left:
                return self._service.fail(exchanges[0], model, error)
            for i in left:
                self._answer(tickets[i : i + 1], seen[i : i + 1])

    def _replies(self, model: Model, exchanges: Sequence[Exchange], seen: Seen) -> list[bytes]:
        if not model.engine.answerer.tells_request:
            return model.replies(seen, model.said())
        said = [model.said(exchange.request_id) for exchange in exchanges]
        return [model.replies(seen[i : i + 1], one)[0] for i, one in enumerate(said)]

    def predict_batch(self, exchange: Exchange) -> None:
        """Many records, worked on slice by slice, so that single ones need not wait for all of them."""
        if asked := self._read(exchange, self.predict_batch, Reader.batch, batch=True):
            model, records = asked
            work = partial(model.answers, said=model.said(exchange.request_id))
            done = partial(self._answer_batch, exchange, model, records, perf_counter())
            model.batcher.submit_batch(records, work, done)

    def _answer_batch(
        self, exchange: Exchange, model: Model, records: Sequence[Struct], began: float, outcome: Any
    ) -> None:
        try:
            if isinstance(outcome, Exception):
                raise outcome
            said = model.said(exchange.request_id)
            answers = [answer for _, some in outcome for answer in some]
            exchange.answer(200, model.batch_reply(answers, said, perf_counter() - began), model.json)
            model.observe((exchange,), records, together([seen for seen, _ in outcome]))
        except Exception as error:  # the door
            self._service.fail(exchange, model, error)

    def explain(self, exchange: Exchange) -> None:
        """What each field adds to the score of one record."""
        if asked := self._read(exchange, self.explain, Reader.record):
            self._explain(exchange, *asked)

    def _explain(self, exchange: Exchange, model: Model, record: Struct) -> None:
        try:
            exchange.answer(200, encode(model.explanation(record)), model.json)
            self._service.note(model, "answered")
        except VerificationRefused:
            self._service.refuse(exchange, NO_CONTRIBUTIONS, model)
        except Exception as error:  # the door
            self._service.fail(exchange, model, error)

    def _read(
        self,
        exchange: Exchange,
        again: Callable[[Exchange], None],
        read: Callable[[Reader, bytes], T],
        batch: bool = False,
    ) -> tuple[Model, T] | None:
        """The model that will answer and what it is asked; None where that is refused already, or comes again."""
        model = self._model(exchange, again, batch)
        if model is None:
            return None
        try:
            return model, read(model.reader, exchange.body)
        except BreaksContract as broken:
            self._service.refuse_faults(exchange, broken.faults, model)
            return None

    def _model(self, exchange: Exchange, again: Callable[[Exchange], None], batch: bool = False) -> Model | None:
        """Who answers; None where nobody does in time, which is told already, or where the request comes again."""
        service = self._service
        if service.choose is not None:
            model = service.choose(exchange, again)
            if model is None:
                return None
        else:
            model = service.model
        if model is None:
            service.refuse(exchange, NO_MODEL)
        elif model.batcher.is_busy(batch):
            service.refuse(exchange, BUSY, model)
            return None
        return model
