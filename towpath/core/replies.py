"""What a client is told when its request cannot be answered, in the shape of the service's style."""

from collections.abc import Sequence
from typing import Any

from towpath.core.faults import Fault
from towpath.core.style import Style

Reply = tuple[int, dict[str, Any]]

MALFORMED = "json"


def refuse_record(style: Style, faults: Sequence[Fault], request_id: str) -> Reply:
    """The status and body for a record, or a batch, that breaks the contract; every fault is in it."""
    match style.errors:
        case "fastapi":
            return 422, {"detail": [_pydantic(fault) for fault in faults], "request_id": request_id}
        case "flask":
            return 400, {"error": _sentence(style, faults), "request_id": request_id}
    malformed = any(fault.kind == MALFORMED for fault in faults)
    code, message = ("malformed", "the body is not JSON") if malformed else ("invalid", _counted(faults))
    listed = [{"path": fault.where(), "reason": fault.reason} for fault in faults]
    return 400 if malformed else 422, {
        "error": {"code": code, "message": message, "faults": listed, "request_id": request_id}
    }


def refuse_request(style: Style, status: int, code: str, message: str, request_id: str) -> Reply:
    """The status and body for a request that is refused as a whole: not found, too large, no model, a fault of ours."""
    match style.errors:
        case "fastapi":
            return status, {"detail": message, "request_id": request_id}
        case "flask":
            return status, {"error": message, "request_id": request_id}
    return status, {"error": {"code": code, "message": message, "faults": [], "request_id": request_id}}


def _counted(faults: Sequence[Fault]) -> str:
    return (
        "the record breaks the contract in 1 place"
        if len(faults) == 1
        else f"the record breaks the contract in {len(faults)} places"
    )


def _sentence(style: Style, faults: Sequence[Fault]) -> str:
    """The fixed message of the first fault that has one, otherwise all of them in words.

    Without a readable object there is no field at all, so that counts as the first field missing.
    """
    for fault in faults:
        whole = fault.kind in ("json", "object") and len(fault.path) == 0
        kind = "missing" if whole or fault.kind == "missing" else "invalid"
        for field, about, message in style.messages:
            if about == kind and (whole or fault.path[:1] == (field,)):
                return message
    return "; ".join(f"{fault.where()} {fault.reason}".strip() for fault in faults)


def _pydantic(fault: Fault) -> dict[str, Any]:
    """The fault with the type and words that FastAPI's users know."""
    kind, words = _PYDANTIC.get(fault.kind, ("value_error", "Value error, {reason}"))
    limit = f"{fault.limit:g}" if isinstance(fault.limit, int | float) else fault.limit
    if fault.kind == "numeric":
        kind, words = _UNPARSED[fault.limit]
    return {"type": kind, "loc": ["body", *fault.path], "msg": words.format(limit=limit, reason=fault.reason)}


_PYDANTIC = {
    "missing": ("missing", "Field required"),
    "unknown": ("extra_forbidden", "Extra inputs are not permitted"),
    "object": ("model_attributes_type", "Input should be a valid dictionary or object to extract fields from"),
    "list": ("list_type", "Input should be a valid list"),
    "number": ("float_type", "Input should be a valid number"),
    "integer": ("int_type", "Input should be a valid integer"),
    "fraction": ("int_from_float", "Input should be a valid integer, got a number with a fractional part"),
    "boolean": ("bool_type", "Input should be a valid boolean"),
    "string": ("string_type", "Input should be a valid string"),
    "ge": ("greater_than_equal", "Input should be greater than or equal to {limit}"),
    "gt": ("greater_than", "Input should be greater than {limit}"),
    "le": ("less_than_equal", "Input should be less than or equal to {limit}"),
    "lt": ("less_than", "Input should be less than {limit}"),
    "finite": ("finite_number", "Input should be a finite number"),
    "json": ("json_invalid", "JSON decode error"),
}
_UNPARSED = {
    "number": ("float_parsing", "Input should be a valid number, unable to parse string as a number"),
    "integer": ("int_parsing", "Input should be a valid integer, unable to parse string as an integer"),
}
