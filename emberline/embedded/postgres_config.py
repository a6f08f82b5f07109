"""The server's configuration: loopback only, passwords always, small, logs of one week."""

from collections.abc import Mapping

from emberline.embedded.ports import LOOPBACK

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    # Iterations slow down the guessing of passwords. Ours are 32 random characters, beyond guessing, and Dagster opens
    # hundreds of connections a run: each takes half as long this way.
    "scram_iterations": "1",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    # One file a weekday, emptied when its day comes round again.
    "logging_collector": "on",
    "log_directory": "../log",
    "log_filename": "postgres-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}


def postgresql_conf(port: int, extra: Mapping[str, str]) -> str:
    """Return the text of `postgresql.conf`; `extra` overrides these settings."""
    values = {**_SETTINGS, "port": str(port), **extra}
    return "".join(f"{name} = {_quoted(value)}\n" for name, value in values.items())


def initdb_options(user: str, password_file: str, settings: Mapping[str, str]) -> list[str]:
    """Return the options of initdb except the folder.

    The locale is the built-in one: characters of any language, one order on every machine, and no
    index that breaks when the operating system's collation changes.
    """
    return [
        f"--username={user}",
        f"--pwfile={password_file}",
        "--auth-host=scram-sha-256",
        "--auth-local=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-instructions",
        *(["--no-sync"] if settings.get("fsync") == "off" else []),
    ]


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
