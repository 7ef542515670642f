"""What every document is made of: frozen, no unknown keys, the same bytes however it came about."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict

Number = int | float
"""A number as it was counted: a whole number stays one in the file."""


class Contents(BaseModel):
    """What a JSON file between stages says.

    A field with a default may be absent from the file, and stays absent when it was never set.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def as_json(self) -> dict[str, Any]:
        """The keys and values as the file has them."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    def updated(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return self.model_copy(update=changes)
