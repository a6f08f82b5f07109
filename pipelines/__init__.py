"""What is done to data: the middle is pure (LazyFrame in and out, the clock an argument), the edges talk to engines.

`ingest`, `carriers` and `publish` are the edges; `events`, `engagement`, `funnel` and `groups` the middle. Nothing
here knows Dagster.
"""
