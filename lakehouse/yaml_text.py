"""Change values in a YAML text; its comments, its order and its style stay as they are."""

from collections.abc import Iterator
from io import StringIO
from itertools import takewhile
from typing import Any, NamedTuple

import yaml

WIDEST = 10**9
WIDTH = 110


class Plain(yaml.SafeDumper):
    """Writes what is there twice twice, without anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


class Edit(NamedTuple):
    """Put `text` in the place of what stands from `start` to `end`."""

    start: int
    end: int
    text: str


def changed(text: str, new: Any) -> str:
    """The text with exactly this content, touched only where the content differs."""
    root = yaml.compose(text, yaml.SafeLoader)
    edited = text
    for edit in sorted(_edits(text, root, new), reverse=True) if root else ():
        edited = edited[: edit.start] + edit.text + edited[edit.end :]
    try:
        kept = yaml.safe_load(edited) == new
    except yaml.YAMLError:
        kept = False
    # A style that is not known here, a comment within a value: right before it is small.
    return edited if kept else f"{_block(new)}\n"


def _edits(text: str, node: yaml.Node, new: Any) -> Iterator[Edit]:
    old = _content(node)
    if old == new and type(old) is type(new):
        return
    block = isinstance(node, yaml.CollectionNode) and not node.flow_style
    if isinstance(node, yaml.MappingNode) and isinstance(new, dict) and new:
        if block or old.keys() == new.keys():
            yield from _mapping(text, node, new)
            return
        new = {key: new[key] for key in [*old, *new] if key in new}
    elif isinstance(node, yaml.SequenceNode) and isinstance(new, list) and new:
        if len(old) == len(new):
            for child, value in zip(node.value, new, strict=True):
                yield from _edits(text, child, value)
            return
        if block:
            yield from _sequence(text, node, new)
            return
    start, line = node.start_mark.index, _line(new, in_flow=_in_flow(text, node))
    if block:  # it began on a line of its own
        start, line = len(text[:start].rstrip()), f" {line}"
    yield Edit(start, _end(text, node), line)


def _mapping(text: str, node: yaml.MappingNode, new: dict[str, Any]) -> Iterator[Edit]:
    names = [str(_content(key)) for key, _ in node.value]
    for number, (key, value) in enumerate(node.value):
        if names[number] in new:
            yield from _edits(text, value, new[names[number]])
            continue
        start, end = key.start_mark.index, _line_end(text, _end(text, value))
        if text[_line_start(text, start) : start].strip():  # behind a list's dash
            following = node.value[number + 1][0].start_mark.index
            yield Edit(start, following, "")
        else:
            yield Edit(_line_start(text, start), end, "")
    added = {name: value for name, value in new.items() if name not in names}
    if added:
        yield _appended(text, node, _block(added), node.start_mark.column)


def _sequence(text: str, node: yaml.SequenceNode, new: list[Any]) -> Iterator[Edit]:
    """What is the same at both ends stays; what lies between goes, and the new comes."""
    old = [_content(child) for child in node.value]
    head = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False))))
    rest = zip(reversed(old[head:]), reversed(new[head:]), strict=False)
    tail = len(list(takewhile(lambda pair: pair[0] == pair[1], rest)))
    for child in node.value[head : len(old) - tail]:
        start = _line_start(text, child.start_mark.index)
        yield Edit(start, _line_end(text, _end(text, child)), "")
    if middle := new[head : len(new) - tail]:
        added = _indented(_block(middle), node.start_mark.column)
        if head:
            at = _line_end(text, _end(text, node.value[head - 1]))
        else:
            at = _line_start(text, node.start_mark.index)
        yield Edit(at, at, added)


def _appended(text: str, node: yaml.Node, block: str, column: int) -> Edit:
    at = _line_end(text, _end(text, node))
    missing = "" if text[at - 1 : at] == "\n" else "\n"
    return Edit(at, at, missing + _indented(block, column))


def _content(node: yaml.Node) -> Any:
    return yaml.SafeLoader("").construct_document(node)


def _in_flow(text: str, node: yaml.Node) -> bool:
    """Whether it stands between brackets, where commas separate."""
    before = text[_line_start(text, node.start_mark.index) : node.start_mark.index]
    return before.count("{") + before.count("[") > before.count("}") + before.count("]")


def _end(text: str, node: yaml.Node) -> int:
    """Behind its last character; the mark of a block lies behind the blanks that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    end = int(node.end_mark.index)
    return node.start_mark.index + len(text[node.start_mark.index : end].rstrip())


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _line_end(text: str, index: int) -> int:
    """Behind the line's break."""
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def _line(value: Any, *, in_flow: bool) -> str:
    """On one line: what a scalar or an inner mapping is replaced by."""
    if isinstance(value, str) and "\n" in value:
        return yaml.dump(value, Dumper=Plain, default_style='"', width=WIDEST, allow_unicode=True).strip()
    flow = in_flow or isinstance(value, dict | list)
    dumper = Plain(StringIO(), default_flow_style=flow, sort_keys=False)
    shown = _serialised(dumper.represent_data([value]), WIDEST)
    return shown[1:-1] if flow else shown.removeprefix("- ")


def _block(value: Any) -> str:
    """On lines of their own; what holds scalars only, in brackets."""
    node = Plain(StringIO(), default_flow_style=None, sort_keys=False).represent_data(value)
    if isinstance(node, yaml.CollectionNode):
        node.flow_style = not value
    return _serialised(node, WIDTH)


def _serialised(node: yaml.Node, width: int) -> str:
    return str(yaml.serialize(node, Dumper=Plain, width=width, allow_unicode=True)).strip()


def _indented(block: str, column: int) -> str:
    return "".join(f"{' ' * column}{line}\n" for line in block.split("\n"))
