"""A disk of PostgreSQL that is full in mid-run is no defect, and the next run goes on."""

import sqlalchemy as sa

from tests.end_to_end.test_restatement import said, sent

# As PostgreSQL says it; a disk of its own that is full would take down the tests beside this one.
NO_ROOM = """
CREATE FUNCTION dagster.no_room() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER no_room BEFORE INSERT ON dagster.event_logs FOR EACH ROW
WHEN (NEW.dagster_event_type = 'STEP_START') EXECUTE FUNCTION dagster.no_room()
"""


def execute(url: str, script: str) -> None:
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        connection.execute(sa.text(script))


def test_a_run_that_cannot_record_its_steps_says_what_to_do_and_the_next_one_goes_on(pipeline, database: str):
    assert pipeline.run().is_success
    execute(database, NO_ROOM)
    pipeline.send(sent(said("app:ann", 0), said("app:bob", 1)))
    failure = pipeline.run().failure
    assert failure is not None
    assert failure.trace is None
    assert "No space left on device" in failure.text
    assert "\nNext: Fix what PostgreSQL names" in failure.text
    execute(database, "DROP TRIGGER no_room ON dagster.event_logs")
    assert pipeline.run().counts.raw == 2
