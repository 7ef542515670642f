"""What every document is made of: frozen, no unknown keys, the same bytes however it came about."""

from collections.abc import Mapping
from typing import Any, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, RootModel

Number = int | float
"""A number as it was counted: a whole number stays one in the file."""

Entry = TypeVar("Entry")


def as_json(contents: BaseModel) -> dict[str, Any]:
    """The keys and values as the file has them; what was never set is absent."""
    return contents.model_dump(mode="json", by_alias=True, exclude_unset=True)


class Contents(BaseModel):
    """What a JSON file between stages says.

    A field with a default may be absent from the file, and stays absent when it was never set.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def as_json(self) -> dict[str, Any]:
        """The keys and values as the file has them."""
        return as_json(self)

    def updated(self, **changes: Any) -> Self:
        """A copy with some fields changed."""
        return self.model_copy(update=changes)


class KeptContents(Contents):
    """What a JSON file says that is kept for good, such as a published list's manifest.

    A field with a default may be absent, because earlier versions did not write it; what a later
    version wrote beside the fields stays when the file is written again.
    """

    model_config = ConfigDict(extra="allow")


class Entries(RootModel[Mapping[str, Entry]], Generic[Entry]):
    """What a file says whose keys are names: of models, sources, figures."""

    model_config = ConfigDict(frozen=True)

    def as_json(self) -> dict[str, Any]:
        """The keys and values as the file has them."""
        return as_json(self)
