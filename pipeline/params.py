"""Stage `params`: params.yaml checked, with every default written out."""

from pathlib import Path

from retention.core import artefacts, errors, params
from retention.core.storage import atomic, permissions


def main() -> None:
    loaded = params.load()
    permissions.close(Path(), [loaded.score.folder])
    atomic.write_text(artefacts.PARAMS, params.resolved(loaded))


if __name__ == "__main__":
    errors.run(main)
