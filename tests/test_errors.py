"""Refusals: one line, a code, nothing of the data."""

import pytest

from pipeline import errors


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (errors.Refusal, 1),
        (errors.BadParams, 2),
        (errors.BadInput, 3),
        (errors.Guarded, 4),
        (errors.Busy, 5),
    ],
)
def test_a_refusal_is_one_line_on_stderr_and_its_exit_code(
    refusal: type[errors.Refusal], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def main() -> None:
        raise refusal("first line\n  second   line")

    with pytest.raises(SystemExit) as stopped:
        errors.run(main)
    assert stopped.value.code == code
    assert capsys.readouterr() == ("", "refused: first line second line\n")


def test_the_nearest_names_are_told_whatever_their_case() -> None:
    assert errors.nearest("Custmer", ["customer", "item"]) == " (nearest: customer)"
    assert errors.nearest("zzz", ["customer"]) == ""


def test_a_masked_value_shows_its_beginning_and_length_only() -> None:
    assert errors.masked("anna@example.org") == "'an'… (16 characters)"
    assert errors.masked("ab") == "'ab'"
