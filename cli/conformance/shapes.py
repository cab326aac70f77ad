"""The shapes of answers, by the schemas that this service publishes. An answer may have more members."""

from __future__ import annotations

from functools import cache

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from pydantic import BaseModel

from adapters.wire.response_schemas import ProblemShape
from cli.conformance.answer import PROBLEM, CallAnswer


def expect_shape(answer: CallAnswer, model: type[BaseModel]) -> None:
    """Raises Deviation unless the body is as the model's schema says."""
    answer.expect(answer.media_type == "application/json", "a body of type application/json", answer.media_type)
    _expect_valid(answer, model)


def expect_problem(answer: CallAnswer, *statuses: int) -> None:
    """Raises Deviation unless the answer has one of the statuses and is a whole problem document (RFC 9457)."""
    answer.expect_status(*statuses)
    answer.expect(answer.media_type == PROBLEM, f"a body of type {PROBLEM}", answer.media_type or "no type")
    _expect_valid(answer, ProblemShape)
    problem = answer.json
    answer.expect_equal(problem["status"], answer.status, "`status` of the problem")
    answer.expect_equal(problem["message"], problem["detail"], "`message`, the same as `detail`,")


def _expect_valid(answer: CallAnswer, model: type[BaseModel]) -> None:
    error = best_match(_validator(model).iter_errors(answer.json))
    came = "" if error is None else f"{error.json_path}: {error.message[:300]}"
    answer.expect(error is None, f"a body by the published schema {model.__name__}", came)


@cache
def _validator(model: type[BaseModel]) -> Draft202012Validator:
    return Draft202012Validator(model.model_json_schema(mode="serialization"))
