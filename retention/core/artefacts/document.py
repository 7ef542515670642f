"""How a JSON file is read and written: as one model, checked both ways."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from retention.core.artefacts.artefact import Artefact
from retention.core.documents.base import as_json
from retention.core.errors import BadInput
from retention.core.storage import atomic

C = TypeVar("C", bound=BaseModel)


@dataclass(frozen=True)
class Document(Artefact, Generic[C]):
    """A JSON file that says what `model` declares."""

    model: type[C]

    def read(self) -> C:
        """Errors: BadInput where it is not there, or says something else."""
        if not self.path.is_file():
            raise BadInput(f"{self.path}: not there yet; run make repro first")
        try:
            return self.model.model_validate_json(self.path.read_bytes(), strict=True)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise BadInput(
                f"{self.path}: {where}: {first['msg']}; run make repro to make it anew"
            ) from None

    def read_last(self) -> C | None:
        """What an earlier run left; None where there is nothing, or what is said otherwise now."""
        try:
            return self.read()
        except BadInput:
            return None

    def write(self, contents: C) -> None:
        """Write it in one step, keys sorted: the same contents are the same bytes."""
        atomic.write_json(self.path, as_json(contents))
