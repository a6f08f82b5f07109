from tests.pipelines.ingest.conftest import connection, lake, send, transactional

__all__ = ["connection", "lake", "send", "transactional"]
