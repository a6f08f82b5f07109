"""Superset's configuration, read inside Superset's own environment. What varies or is secret comes from outside."""

import os
from pathlib import Path

from superset.config import TALISMAN_CONFIG as USUAL  # pyright: ignore[reportMissingImports]

_HOME = Path(os.environ["SUPERSET_HOME"])

SECRET_KEY = os.environ["SUPERSET_SECRET_KEY"]
SQLALCHEMY_DATABASE_URI = f"sqlite:///{_HOME / 'superset.db'}"
RATELIMIT_STORAGE_URI = "memory://"
# Cookies are of this page only; it listens on loopback, without TLS.
SESSION_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_HTTPONLY = True
LOG_LEVEL = "WARNING"
# A page asks nobody but this server: Superset's own would let it fetch pictures that count its users.
_SOURCES = USUAL["content_security_policy"] | {"img-src": ["'self'", "data:", "blob:"], "connect-src": ["'self'"]}
TALISMAN_CONFIG = USUAL | {"content_security_policy": _SOURCES}
