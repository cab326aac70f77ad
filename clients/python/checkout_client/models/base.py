"""What all models share: names of the wire as aliases, and tolerance of what is new."""

from __future__ import annotations

from typing import Any, Literal, get_origin

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class WireModel(BaseModel):
    """A message or a part of one. Members that this release does not know are kept in `model_extra`.

    Members are built and read by their Python names, and written by the names of the wire. Errors name the place of what
    is wrong and never its content, which may be personal data: errors reach logs and dead letters.
    """

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        hide_input_in_errors=True,
    )

    def model_post_init(self, context: Any, /) -> None:
        """Counts constants such as a `kind` as set, so that `to_wire` writes them."""
        for name, field in type(self).model_fields.items():
            if get_origin(field.annotation) is Literal and field.default is not None:
                self.model_fields_set.add(name)

    def to_wire(self) -> dict[str, Any]:
        """The members that were set, as JSON has them: a null that was set is written, a default is not."""
        return self.model_dump(mode="json", exclude_unset=True)

    def to_json(self) -> bytes:
        """`to_wire` as UTF-8 JSON."""
        return self.model_dump_json(exclude_unset=True).encode()


class UnknownEvent(WireModel):
    """An event of a type that this release of the kit does not know. Its own members are in `model_extra`."""

    type: str
    """What happened, with the version of its shape."""
    basket_id: str = Field(alias="basketId")
    """The basket's id."""
    version: int
    """The basket's version after this event."""
    occurred_at: AwareDatetime = Field(alias="occurredAt")
    """When it happened."""
