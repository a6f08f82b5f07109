"""Quote names for PostgreSQL."""

from __future__ import annotations

from typing import Final

from sqlalchemy.dialects import postgresql

# One dialect for all names: to make one takes longer than to quote.
quoted: Final = postgresql.dialect().identifier_preparer.quote
"""Returns a name as SQL writes it, in quotation marks where it needs them."""
