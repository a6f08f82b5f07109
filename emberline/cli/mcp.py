"""The command `mcp`: serves queries of a client of the Model Context Protocol."""

from __future__ import annotations

from emberline.cli.app import app, configured


@app.command()
def mcp() -> None:
    """Serve the warehouse to a client of the Model Context Protocol, on standard input and output, read-only."""
    from emberline.mcp_server import server

    # Standard output is for the protocol only.
    server(configured().reader_url()).run("stdio")
