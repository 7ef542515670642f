"""Changes one value in the text of params.yaml and nothing else: comments and order stay."""

from typing import Any

import yaml

from retention.core.errors import BadParams
from retention.core.params.reading import Params, parse_params


def with_value(text: str, section: str, key: str, value: float) -> str:
    """The text with another value of a key; BadParams where it cannot be written in place.

    A key that is not there is added to its section, a section that is not there at the end.
    """
    edited = _edited(text, section, key, str(value))
    wanted = _changed(parse_params(text), section, key, value)
    try:
        is_right = parse_params(edited) == wanted
    except BadParams:
        is_right = False
    if not is_right:
        raise _cannot(section, key)
    return edited


def _cannot(section: str, key: str) -> BadParams:
    return BadParams(f"params.yaml: {section}.{key} cannot be changed in place; write it by hand")


def _changed(params: Params, section: str, key: str, value: float) -> Params:
    part = getattr(params, section).model_copy(update={key: value})
    return params.model_copy(update={section: part})


def _edited(text: str, section: str, key: str, value: str) -> str:
    top = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(top, yaml.MappingNode) or top.flow_style:
        raise _cannot(section, key)
    part = _value_of(top, section)
    if part is None:
        separator = "" if text.endswith("\n") or not text else "\n"
        return f"{text}{separator}{section}:\n  {key}: {value}\n"
    if not isinstance(part, yaml.MappingNode) or not part.value:
        raise _cannot(section, key)
    old = _value_of(part, key)
    if isinstance(old, yaml.ScalarNode):
        return text[: old.start_mark.index] + value + text[old.end_mark.index :]
    if old is not None:
        raise _cannot(section, key)
    first = part.value[0][0].start_mark
    separator = ", " if part.flow_style else "\n" + " " * first.column
    return f"{text[: first.index]}{key}: {value}{separator}{text[first.index :]}"


def _value_of(node: yaml.MappingNode, key: str) -> Any:
    return next((value for name, value in node.value if name.value == key), None)
