"""What an artefact is."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

DATA: Final = Path("data")


@dataclass(frozen=True)
class Artefact:
    """A file under data/ that a stage leaves for others."""

    path: Path
    doc: str  # what it is for

    @property
    def stage(self) -> str:
        """The stage that writes it."""
        return self.path.parts[1]

    def under(self, root: Path) -> Self:
        """The same artefact in another checkout or workspace."""
        return replace(self, path=root / self.path)

    def within(self, folder: Path) -> Self:
        """The same artefact as a file of another folder."""
        return replace(self, path=folder / self.path.name)

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)
