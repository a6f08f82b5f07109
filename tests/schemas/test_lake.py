"""What the registry of lake tables says of them fits together."""

import pytest

from emberline.settings import Settings
from schemas.lake import FACTS, TABLES, LakeTable

BY_NAME = [pytest.param(table, id=table.name) for table in TABLES.values()]


@pytest.mark.parametrize("table", [table for table in BY_NAME if table.id not in {"raw", "feed", "gaps"}])
def test_every_column_names_what_it_is_made_of(table: LakeTable):
    if not table.written_by_people:
        assert table.made_of.keys() == table.columns.keys()
        assert table.inputs


@pytest.mark.parametrize("table", BY_NAME)
def test_keys_and_layout_name_columns_of_the_table(table: LakeTable):
    named = {*table.key, *table.partition_by, *table.sort_by, *table.distinct, *table.unsought, *table.meanings}
    assert named <= table.columns.keys()


@pytest.mark.parametrize("table", BY_NAME)
def test_a_source_is_named_once(table: LakeTable):
    assert [name for name, sources in table.made_of.items() if len(set(sources)) < len(sources)] == []


def test_facts_come_after_what_they_are_made_of_so_their_order_is_one_to_refresh_them():
    seen: set[str] = set()
    for table in TABLES.values():
        read = {other.name for other in table.reads}
        assert read <= seen, table.name
        seen.add(table.name)


def test_every_setting_that_a_fact_depends_on_is_one():
    for table in FACTS:
        for key in table.settings:
            section, name = key.split(".")
            assert name in type(getattr(Settings(), section)).model_fields, key


def test_facts_of_one_refresh_have_one_code_version_and_the_same_settings():
    for table in FACTS:
        together = [TABLES[name] for name in table.computed_with]
        assert len({(one.code_version, one.settings) for one in together}) <= 1, table.name
        assert not together or table in together


def test_a_column_that_is_not_there_is_no_source():
    with pytest.raises(KeyError, match="no column colour"):
        TABLES["events"].of("colour")
