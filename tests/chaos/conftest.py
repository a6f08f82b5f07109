from tests.pipelines.ingest.conftest import connection, lake, send

__all__ = ["connection", "lake", "send"]
