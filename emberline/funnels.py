"""Load the funnels: the packaged one, and those of the user's files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from glob import escape
from pathlib import Path

from emberline.settings import SettingsError
from pipelines.funnel.predicates import predicates
from schemas.funnel import FunnelDefinition, FunnelDefinitionError, parse, standard


def load_funnels(patterns: Iterable[str], folder: Path) -> tuple[FunnelDefinition, ...]:
    """Return the packaged funnel, then those of the files in order of their paths.

    Args:
        patterns: Paths of YAML files, with or without wildcards.
        folder: The base of relative paths.

    Raises:
        SettingsError: A pattern names no file, or a file cannot be read.
        FunnelDefinitionError: A file is no valid definition, a predicate is invalid, or two funnels have one name.
    """
    funnels = {standard().name: standard()}
    for file in sorted({file for pattern in patterns for file in _files(pattern, folder)}):
        funnel = parse(_text(file), str(file))
        predicates(funnel)
        if namesake := funnels.get(funnel.name):
            found = f"the name '{funnel.name}', as in {namesake.where}"
            raise FunnelDefinitionError(str(file), funnel.line, found, "a name that no other funnel has")
        funnels[funnel.name] = funnel
    return tuple(funnels.values())


def _files(pattern: str, folder: Path) -> Iterator[Path]:
    # What is a wildcard in a pattern may be a letter in the name of the folder, or of the file itself.
    path = folder / pattern
    if path.is_file():
        files = [path]
    else:
        escaped = Path(escape(str(folder))) / pattern
        files = [file for file in Path(path.anchor).glob(str(escaped.relative_to(path.anchor))) if file.is_file()]
    if not files:
        raise SettingsError(f"There is no file {path}.", "Correct funnels.files, or put the funnel's file there.")
    yield from files


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}.", "Make it a readable text in UTF-8.") from error
