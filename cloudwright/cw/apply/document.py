"""Files of resources: YAML documents with kind, name and spec."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cloudwright.cw.apply.kind import ApplyError

SOURCES = ("fromEnv", "fromFile")
SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True)
class Document:
    """One resource as a file has it. `source` is where: file:line."""

    kind: str
    name: str
    spec: dict[str, Any] = field(default_factory=dict)
    source: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name} ({self.source})"


def load(paths: Iterable[Path]) -> list[Document]:
    """The documents of files, and of the files of folders. Raises ApplyError, OSError."""
    found: list[Document] = []
    for path in paths:
        if path.is_dir():
            files = sorted(one for one in path.iterdir() if one.suffix in SUFFIXES)
            if not files:
                raise ApplyError(f"The folder {path} has no file that ends in {', '.join(SUFFIXES)}")
        else:
            files = [path]
        for file in files:
            found += parse(file.read_text(), str(file), file.parent)
    return found


def parse(text: str, source: str, folder: Path | None = None) -> list[Document]:
    """The documents of a text; files that it names are looked for in `folder`. Raises ApplyError, OSError."""
    loader = yaml.SafeLoader(text)
    found = []
    try:
        while loader.check_node():
            node = loader.get_node()
            assert node is not None
            _check_keys(node, source)
            where = f"{source}:{node.start_mark.line + 1}"
            content = loader.construct_document(node)
            if content is not None:
                found += [
                    _document(one, where, folder or Path()) for one in (content if isinstance(content, list) else [content])
                ]
    except yaml.YAMLError as error:
        raise ApplyError(f"{source} is not YAML: {' '.join(str(error).split())}") from None
    finally:
        loader.dispose()
    return found


def _check_keys(node: yaml.Node, source: str) -> None:
    """YAML's readers keep the last of two equal keys, and nobody is told."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise ApplyError(f"{source}:{key.start_mark.line + 1}: {key.value!r} is there twice")
            seen.add(key.value)
            _check_keys(value, source)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _check_keys(value, source)


def _document(content: Any, where: str, folder: Path) -> Document:
    if not isinstance(content, dict):
        raise ApplyError(f"{where}: a document has kind, name and spec; this is {str(content)[:60]!r}")
    unknown = set(content) - {"kind", "name", "spec"}
    if unknown:
        raise ApplyError(f"{where}: {', '.join(sorted(map(str, unknown)))} is not kind, name or spec; fields belong below spec")
    spec = content.get("spec") or {}
    if not content.get("kind") or not isinstance(spec, dict):
        raise ApplyError(f"{where}: a document has a kind, and a spec with fields by name")
    given = {str(name): _given(value, where, folder) for name, value in spec.items()}
    return Document(str(content["kind"]), str(content.get("name") or ""), given, where)


def _given(value: Any, where: str, folder: Path) -> Any:
    """A value, or what `{fromEnv: NAME}` and `{fromFile: path}` stand for: secrets and long texts need not be in the file."""
    if not (isinstance(value, dict) and len(value) == 1 and next(iter(value)) in SOURCES):
        return value
    ((source, name),) = value.items()
    if source == "fromFile":
        return (folder / str(name)).read_text().strip()
    if str(name) not in os.environ:
        raise ApplyError(f"{where}: the environment has no {name}")
    return os.environ[str(name)]


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Items of lists are indented, as people write them."""
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def dump(documents: Iterable[Document]) -> str:
    """Documents as text that `load` reads."""
    return "---\n".join(_texts(documents))


def _texts(documents: Iterable[Document]) -> Iterator[str]:
    for one in documents:
        body = {"kind": one.kind, "name": one.name, "spec": one.spec}
        yield yaml.dump(body, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
