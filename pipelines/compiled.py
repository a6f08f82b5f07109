"""How numba compiles the loops of this project; the only module that uses an option of numba without a public name.

`_nrt` is numba's counting of references to arrays. pyproject.toml admits only numba versions that were tested with it,
and `tests/pipelines/test_compiled.py` checks its effect.
"""

from __future__ import annotations

from typing import Any, Final, cast

import numba

compiled: Final[Any] = numba.njit(cache=True, nogil=True)
"""Compile a function, and cache the machine code beside its source."""

lean: Final[Any] = cast(Any, numba.njit)(cache=True, nogil=True, _nrt=False)
"""Compile, without reference counts, a function that creates and stores no arrays: three times as fast."""

inlined: Final[Any] = cast(Any, numba.njit)(cache=True, nogil=True, _nrt=False, forceinline=True)
"""Compile as `lean` does, and inline: a call would pass each array in seven parts and take twice as long."""
