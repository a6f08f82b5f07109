"""Store lake versions with an id of their files; the next run stages all rows of all tables."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Delete versions without file ids, and what is staged against them."""
    op.execute("UPDATE ops.published_table SET versions = '{}'")
    op.execute(
        """
        DO $$
        DECLARE twin regclass;
        BEGIN
            FOR twin IN
                SELECT oid FROM pg_class
                WHERE relnamespace = 'staging'::regnamespace AND relkind = 'r' AND right(relname, 4) = '_new'
            LOOP
                EXECUTE format('COMMENT ON TABLE %s IS NULL', twin);
            END LOOP;
        END $$
        """
    )
