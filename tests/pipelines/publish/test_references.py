"""What refers to what is declared for BI tools, and is not enforced a second time."""

import sqlalchemy as sa

from pipelines.publish.warehouse import Warehouse
from schemas.references import REFERENCES
from schemas.warehouse import metadata

DECLARED = sa.text("""
    SELECT conrelid::regclass::text AS of_table, confrelid::regclass::text AS to_table, conenforced
    FROM pg_constraint WHERE contype = 'f' AND connamespace = 'mart'::regnamespace
""")


def declared(database: str) -> set[tuple[str, str, bool]]:
    with sa.create_engine(database, poolclass=sa.NullPool).connect() as connection:
        return {tuple(row) for row in connection.execute(DECLARED)}


def execute(database: str, statement: str) -> None:
    with sa.create_engine(database, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.text(statement))


def test_a_reference_leads_to_the_key_of_the_other_table_in_columns_of_its_type():
    for reference in REFERENCES:
        table, other = metadata.tables[f"mart.{reference.table}"], metadata.tables[f"mart.{reference.to}"]
        assert reference.key == tuple(key.name for key in other.primary_key)
        for name, key in zip(reference.columns, reference.key, strict=True):
            kinds = {type(table.c[name].type), type(other.c[key].type)}
            assert len(kinds) == 1 or kinds <= {sa.Integer, sa.SmallInteger}, reference


def test_every_reference_is_declared_and_none_is_enforced(database: str):
    expected = {(f"mart.{one.table}", f"mart.{one.to}", False) for one in REFERENCES}
    assert declared(database) == expected
    execute(database, "INSERT INTO mart.group_risk VALUES ('app:no group', '2026-01-01', 0, 0, '', '', true)")


def test_a_table_that_was_dropped_and_made_again_is_referred_to_again(database: str):
    before = declared(database)
    execute(database, "DROP TABLE mart.dim_group CASCADE")
    assert declared(database) < before
    Warehouse(database).prepare()
    assert declared(database) == before
