"""How numba compiles the loops of this project; the only module that uses an option of numba without a public name.

`_nrt` is numba's counting of references to arrays. pyproject.toml admits only the numba that was tested with it, and
`tests/pipelines/test_compiled.py` sees that it still does what it is for.
"""

from __future__ import annotations

from typing import Any, Final, cast

import numba

compiled: Final[Any] = numba.njit(cache=True, nogil=True)
"""Compile a function; what was compiled is kept beside its source."""

lean: Final[Any] = cast(Any, numba.njit)(cache=True, nogil=True, _nrt=False)
"""Compile a function that makes no array and keeps none, without counting references: that triples its speed."""

inlined: Final[Any] = cast(Any, numba.njit)(cache=True, nogil=True, _nrt=False, forceinline=True)
"""As `lean`, without a call, which would hand over every array in seven parts. It halves the time."""
