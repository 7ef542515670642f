"""Stage `params`: params.yaml checked, with every default written out."""

from pathlib import Path

from retention.core import artefacts, errors
from retention.core.params import as_yaml, load_params
from retention.core.storage import atomic, permissions


def main() -> None:
    params = load_params()
    permissions.restrict_to_owner(Path(), [params.score.folder])
    atomic.write_text(artefacts.PARAMS, as_yaml(params))


if __name__ == "__main__":
    errors.run(main)
