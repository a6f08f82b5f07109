"""OpenLineage events of an ended run: column-level lineage of its tables, and their checks.

A run is an OpenLineage job, and each table it wrote is a child job. Datasets are named by OpenLineage's naming rules
for PostgreSQL, Kafka and object stores, so that a collector joins them with the lineage of other tools.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Final, Literal
from uuid import UUID, uuid5

import sqlalchemy as sa
from openlineage.client.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    DatasetFacet,
    OutputDatasetFacet,
    column_lineage_dataset,
    data_quality_assertions_dataset,
    dataset_version_dataset,
    documentation_dataset,
    output_statistics_output_dataset,
    ownership_dataset,
    parent_run,
    schema_dataset,
)
from openlineage.client.naming.dataset import Kafka, LocalFileSystem, Postgres
from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport, TokenProvider
from requests import RequestException

from pipelines.lake import Lake
from pipelines.lake_place import local_path
from schemas.described import DescribedColumn, Key, columns_of_lake, columns_of_mart
from schemas.errors import EmberlineError
from schemas.lake import RAW, TABLES
from schemas.mart import sources_of
from schemas.table import OWNERS
from schemas.warehouse import DATA_TABLES, MART

_PRODUCER: Final = "https://pypi.org/project/emberline"
_PORT: Final = 5432
_TIMEOUT_S: Final = 5.0
_NO_RETRY: Final = {"total": 0, "connect": 0, "read": 0}
"""Short, so that a slow collector does not block a tick; a run that was not sent is retried at the next tick."""


class LineageNotSent(EmberlineError):
    """The collector of OpenLineage events does not answer or refuses them."""


@dataclass(frozen=True)
class Wrote:
    """A table that a run wrote; `rows` and `version` are None if unknown."""

    key: Key
    time: dt.datetime
    rows: int | None
    version: str | None


@dataclass(frozen=True)
class Checked:
    """A check of a table in a run."""

    key: Key
    time: dt.datetime
    name: str
    passed: bool


@dataclass(frozen=True)
class EndedRun:
    """An ended Dagster run, and what it did."""

    id: UUID
    job: str
    started: dt.datetime
    ended: dt.datetime
    outcome: Literal["succeeded", "failed", "canceled"]
    wrote: Sequence[Wrote]
    checked: Sequence[Checked]


_STATES: Final = {"succeeded": RunState.COMPLETE, "failed": RunState.FAIL, "canceled": RunState.ABORT}


@dataclass(frozen=True)
class Places:
    """Where tables and topics are."""

    lake: Lake
    warehouse: sa.URL
    brokers: str
    topics: Sequence[str]

    def dataset(self, key: Key) -> tuple[str, str]:
        """Return the namespace and name of a table."""
        name, *of_schema = reversed(key)
        if of_schema:
            host, port = self.warehouse.host or "localhost", str(self.warehouse.port or _PORT)
            table = Postgres(host, port, self.warehouse.database or "", of_schema[0], name)
            return table.get_namespace(), table.get_name()
        uri = self.lake.table_uri(TABLES[name])
        if (folder := local_path(uri)) is not None:
            file = LocalFileSystem(str(folder))
            return file.get_namespace(), file.get_name()
        scheme, _, path = uri.partition("://")
        store, _, below = path.partition("/")
        return f"{scheme}://{store}", below

    @cached_property
    def streams(self) -> list[tuple[str, str]]:
        """Return the namespace and name of each topic; a cluster is named by its first broker."""
        host, _, port = self.brokers.partition(",")[0].rpartition(":")
        topics = [Kafka(host, port, topic) for topic in self.topics]
        return [(topic.get_namespace(), topic.get_name()) for topic in topics]


@dataclass(frozen=True)
class _Described:
    description: str
    owner: str
    columns: Sequence[DescribedColumn]
    inputs: Sequence[Key]


@cache
def _tables() -> Mapping[Key, _Described]:
    """Return all tables that Dagster or people write, by key."""
    lake = {
        (name,): _Described(
            table.description, OWNERS[table.group], columns_of_lake(table), [(other.name,) for other in table.inputs]
        )
        for name, table in TABLES.items()
    }
    warehouse = {}
    for table in DATA_TABLES:
        name, owner, about = str(table.name), OWNERS["warehouse"], table.comment or ""
        read = [(source.name,) for source in sources_of(table)]
        warehouse[MART, name] = _Described(about, owner, columns_of_mart(table), read)
    return {**lake, **warehouse}


def events(run: EndedRun, places: Places, namespace: str) -> Iterator[RunEvent]:
    """Return the events of a run: its start, each table it wrote or checked, its end.

    The same run gives the same ids, so a collector recognises an event that is sent twice.

    Args:
        run: The ended run.
        places: Where its tables are.
        namespace: Namespace of the jobs.
    """

    def event(state: RunState, time: dt.datetime, run_id: UUID, job: str, *, is_part: bool = True) -> RunEvent:
        facets = {}
        if is_part:
            facets["parent"] = parent_run.ParentRunFacet(
                parent_run.Run(str(run.id)), parent_run.Job(namespace, run.job)
            )
        return RunEvent(
            eventType=state,
            eventTime=time.isoformat(),
            run=Run(str(run_id), facets),
            job=Job(namespace, job),
            producer=_PRODUCER,
        )

    yield event(RunState.START, run.started, run.id, run.job, is_part=False)
    for wrote in run.wrote:
        if (table := _tables().get(wrote.key)) is None:
            continue
        name = "/".join(wrote.key)
        made = event(RunState.COMPLETE, wrote.time, uuid5(run.id, name), name)
        read = [places.dataset(key) for key in table.inputs] + (places.streams if wrote.key == (RAW.name,) else [])
        made.inputs = [InputDataset(*dataset) for dataset in read]
        made.outputs = [_output(wrote, table, places)]
        yield made
    for checked in run.checked:
        name = f"{'/'.join(checked.key)}: {checked.name}"
        judged = event(RunState.COMPLETE, checked.time, uuid5(run.id, name), name)
        assertion = data_quality_assertions_dataset.Assertion(checked.name, checked.passed)
        facet = data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet([assertion])
        judged.inputs = [InputDataset(*places.dataset(checked.key), inputFacets={"dataQualityAssertions": facet})]
        yield judged
    yield event(_STATES[run.outcome], run.ended, run.id, run.job, is_part=False)


def _output(wrote: Wrote, table: _Described, places: Places) -> OutputDataset:
    fields = [
        schema_dataset.SchemaDatasetFacetFields(column.name, column.dtype, column.meaning.text)
        for column in table.columns
    ]
    lineage = {
        column.name: column_lineage_dataset.Fields(
            [column_lineage_dataset.InputField(*places.dataset(key), field) for key, field in column.sources]
        )
        for column in table.columns
        if column.sources
    }
    facets: dict[str, DatasetFacet] = {
        "schema": schema_dataset.SchemaDatasetFacet(fields),
        "columnLineage": column_lineage_dataset.ColumnLineageDatasetFacet(lineage),
        "documentation": documentation_dataset.DocumentationDatasetFacet(table.description),
        "ownership": ownership_dataset.OwnershipDatasetFacet([ownership_dataset.Owner(table.owner)]),
    }
    if wrote.version is not None:
        facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(wrote.version)
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(wrote.rows)
    counted: dict[str, OutputDatasetFacet] = {} if wrote.rows is None else {"outputStatistics": statistics}
    return OutputDataset(*places.dataset(wrote.key), facets=facets, outputFacets=counted)


@dataclass(frozen=True)
class Collector:
    """A server that accepts OpenLineage events, such as Marquez or DataHub.

    Attributes:
        url: Its address, to which the path of OpenLineage's API is added.
        namespace: Namespace of the jobs.
        places: Where tables and topics are.
        token: Bearer token, if it needs one.
    """

    url: str
    namespace: str
    places: Places
    token: str | None = field(default=None, repr=False)

    def send(self, run: EndedRun) -> int:
        """Send the events of a run, and return how many there were.

        Raises:
            LineageNotSent: The collector does not answer or refuses an event.
        """
        sent = 0
        try:
            for event in events(run, self.places, self.namespace):
                self._client.emit(event)
                sent += 1
        except RequestException as error:
            raise LineageNotSent(
                f"OpenLineage events were not accepted: {error}",
                "Check that lineage.url is that of a collector and EMBERLINE__LINEAGE__TOKEN is its token. The events "
                "are sent again.",
                self.url,
            ) from error
        return sent

    @cached_property
    def _client(self) -> OpenLineageClient:
        auth = TokenProvider({}) if self.token is None else ApiKeyTokenProvider({"apiKey": self.token})
        config = HttpConfig(self.url, timeout=_TIMEOUT_S, auth=auth, retry=_NO_RETRY)
        return OpenLineageClient(transport=HttpTransport(config))
