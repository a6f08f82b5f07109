"""What the reference says and the code cannot: introductions, and the meaning of fields by name."""

SETTINGS = """\
Settings come from one file, `emberline.toml` in the working folder (another one: `EMBERLINE_SETTINGS=path`), and from
environment variables, which go over the file. The variable of a key is `EMBERLINE__SECTION__KEY`, for example
`EMBERLINE__RULES__ZONE=Europe/Berlin`; a table as a whole is given as JSON. An unknown key is an error (exit code 3).
The option `--state` of every command goes over both.

Secret texts belong into the environment, not into the file. Facts that depend on `[rules]` or `[groups]` are recomputed
by the next run after a change there. Set `rules.zone` before the first run: after a change
every run refuses until `emberline rebuild events`. `privacy.key` belongs to a lake for good."""

DEFAULTS = {
    "kafka.topics": "`group.messages` and `commerce.events` for `cloudevents`; `raw.NAME` for each carrier `NAME`",
    "privacy.keep_note_days": "`forever`",
}
"""Defaults that follow from what else there is, or have a word of their own."""

SETTINGS_MEANINGS = {
    "maintenance.small_files": "A partition of a lake table with more small files than this is put together.",
    "maintenance.small_file_mb": "What a small file is, in MiB.",
    "maintenance.keep_versions_hours": "How long old files and log of the lake stay.",
    "maintenance.keep_runs": "How many of Dagster's newest runs stay.",
    "maintenance.keep_run_days": "How long any of them stays.",
    "maintenance.keep_alert_days": "How long resolved alerts on the pipeline stay, and notices of resolved alerts on "
    "groups, once delivered. Alerts on groups themselves stay: they are the record of their rules.",
    "maintenance.keep_restatement_days": "How long it is remembered which published figures changed.",
    "kafka.bootstrap_servers": "Brokers, `host:port`, several with commas.",
    "lake.uri": "A folder, or the URI of an object store.",
    "lake.storage_options": "Handed to the object store's client: endpoint, credentials, region.",
    "warehouse.url": "`postgresql+psycopg://user:password@host:port/database`.",
    "warehouse.max_lost_share": "A publication in which a table loses a larger share of its rows stops; see "
    "[run by itself](../how-to/run-by-itself.md#a-publication-that-takes-rows-away).",
    "ingest.batch_rows": "A commit to `raw` holds at most so many records.",
    "ingest.batch_bytes": "A commit to `raw` is made once keys and values of the batch reach so many bytes.",
    "ingest.batch_seconds": "A commit to `raw` is made after so many seconds, if any record arrived.",
    "ingest.stall_seconds": "The run fails when there is lag and no position moved for so many seconds.",
    "ingest.run_rows": "A run that the sensor asks for reads about so many records at most, and the next one goes on; "
    "`emberline run` reads all there are.",
    "ingest.group": "Consumer group of the workers (`emberline ingest`). Only monitoring tools read its offsets.",
    "ingest.session_seconds": "A worker that gives no sign of life for so long loses its partitions to the others.",
    "ingest.reader": "How records become columns: `fast`; `plain`, by the client's own poll, which is slower; or "
    "`auto`, which is fast where the installed client was tested. All give the same rows.",
    "ingest.decoder": "How values are decoded: `fast`, most of them by a compiled reader; or `safe`, each by msgspec "
    "alone, which takes several times as long. Both give the same rows.",
    "ingest.max_skew_minutes": "An event that happened so much after Kafka's time of it is quarantined.",
    "ingest.max_bad_share": "The run stops when more than this share of a batch, or of a topic in it, is no event.",
    "ingest.bad_share_rows": "Batches with fewer records, and topics with fewer in a batch, are not judged so.",
    "ingest.accept_gaps": "Go on without records that Kafka removed before they were read, and note each gap in "
    "[`gaps`](lake.md#gaps). For one run: `emberline run --accept-gaps`.",
    "rules.zone": "IANA name of the zone whose calendar days, weeks and months are counted.",
    "rules.lateness_minutes": "How long after its end a day waits for late events before it is complete.",
    "rules.idle_feed_hours": "A source silent for so long no longer keeps days from being complete.",
    "rules.attribution_models": "Models that credit orders, each all of them: `last_click`, `first_click`, "
    "`last_exposure`, `linear`, `position_based`, `time_decay`.",
    "rules.look_back_days": "How long before a payment a click or an exposure can still be credited with it.",
    "rules.half_life_days": "Under `time_decay` a touch so much earlier than another one weighs half as much.",
    "groups.dead_after_days": "Complete, measured days without member activity after which a group is dead.",
    "groups.baseline_weeks": "Most weeks before that make a group's baseline.",
    "groups.least_baseline_weeks": "Fewest of them; a younger group is not judged.",
    "groups.least_messages": "Messages in a usual week below which a group is not judged: chance would be.",
    "groups.deviations": "How many robust standard deviations below the baseline a fall must reach, too.",
    "groups.confirm_days": "Measured days in a row on which a level must hold before it changes the state.",
    "groups.stay_days": "Days before a state may give way to another one; death, revival and end do not wait.",
    "groups.declining_enter": "A group declines with speakers and messages of 7 days below this share of its baseline.",
    "groups.declining_leave": "It is alive again with one of them at this share or above.",
    "groups.dying_enter": "A group is dying with both below this share.",
    "groups.dying_leave": "It is only declining with one of them at this share or above.",
    "groups.silent_days": "Measured days without member activity from which on a silence is compared with others.",
    "groups.declining_chance": "A silence so likely to last `dead_after_days` makes a group decline, however few its "
    "messages; 1: none does.",
    "groups.dying_chance": "The same of dying.",
    "groups.risk_retrain_days": "A model of the risk is used for so many days before another one is trained.",
    "alerts.topic": "Kafka topic that gets every notice as JSON; empty: none.",
    "alerts.pipeline_channels": "Channels that get alerts on the pipeline itself, by name, `kafka` among "
    "them; none given: all.",
    "alerts.group_dying": "How severe it is that a group is dying.",
    "alerts.group_dead": "That a group is dead.",
    "alerts.group_declining": "That a group declines.",
    "alerts.group_silent": "That a group with at least `groups.least_messages` in a usual week is silent.",
    "alerts.group_at_risk": "That a living group is likely to be dead within 28 days, by a model that may alert.",
    "alerts.stale_feed": "A source has sent nothing for `rules.idle_feed_hours`; its groups are not judged meanwhile.",
    "alerts.silent_days": "Measured days without member activity after which a group is silent.",
    "alerts.target_precision": "Share of alerts of `group_at_risk` that are to be right; it picks from which risk on.",
    "alerts.renotify_hours": "Time until a reminder of an alert that is neither acknowledged nor snoozed; 0: never.",
    "alerts.news_days": "No alert fires on a state that began earlier before its first evaluation.",
    "alerts.quiet_hours": "Hours of the business zone, such as `22:00-08:00`, in which nothing is delivered.",
    "alerts.link_base": "Address of the pages of groups, which end in `/groups/GROUP_ID`; none: no links.",
    "groups.purposes": "Other values for groups of a purpose, by its name.",
}
"""Of the settings that have no words in the code, by section and key."""

CLI = """\
Results go to standard output, progress and errors to standard error. `--json` prints one JSON document in place of
tables. What a command's exit code says is in [exit codes](exit-codes.md). `--state` stands before the command."""

WIRES = """How platforms prove that a webhook is theirs. Secrets are variables of the environment, options stand in
`[receive.routes.NAME.options]`."""

PULLERS = """APIs that are asked for what is new. What each cannot bring stands with the
[carriers](carriers.md#pullers). Secrets are variables of the environment, options stand in `[pull.NAME.options]`."""

EXIT_CODES_INTRO = "An error message has the cause, the place and the next step; the code says which kind it is."
EXIT_CODES = {
    "OK": ("Done, also where there was nothing to do.", "Nothing."),
    "DEFECT": ("A defect of emberline.", "Report it with the trace in the file that the error names."),
    "USAGE": ("The command line is wrong.", "See `emberline --help`."),
    "SETTINGS": (
        "A setting is unknown or has a wrong value, a funnel's file is wrong, or the key is not that of the lake's "
        "pseudonyms.",
        "See [settings](settings.md) and [define a funnel](../how-to/define-a-funnel.md).",
    ),
    "ENGINE": (
        "The state folder cannot be used, or an embedded Kafka, PostgreSQL or Dagster did not start or stop.",
        "Follow the error's next step; read the log where it quotes one.",
    ),
    "BLOCKED": (
        "A check failed, or tables would have lost too many rows, so nothing was published; readers see the version "
        "before. Of `emberline carrier check`: the carrier breaks a case or a law.",
        "Mend what the check names, then run again. See [checks](checks.md); an event that is wrong can be "
        "[taken out](../how-to/take-an-event-out.md).",
    ),
    "FAILED": (
        "The pipeline failed, or `emberline doctor` found something broken. What was committed before is safe.",
        "Follow the error's next step, run again.",
    ),
    "INTERRUPTED": (
        "Ctrl+C (SIGINT) or SIGTERM ended it. What was committed before is safe.",
        "Run again: it goes on from there.",
    ),
    "UNREAD": ("Who read the output ended first, such as `head` behind a pipe.", "Nothing."),
}

EVENTS = """\
An event is a [CloudEvents](https://cloudevents.io) 1.0 object in structured JSON mode, the whole of it in the value of
one Kafka record. `source` and `id` together are its identity: two records with the same pair are copies of one event.
Fields that are not listed are ignored, so producers may send more. Key the records by `id`, so that copies of an event
share a partition."""
SAMPLE_EVENTS = (
    {
        "specversion": "1.0",
        "id": "s-6",
        "source": "example/chat",
        "type": "message.sent",
        "time": "2026-03-10T03:00:00Z",
        "subject": "example:tea-lovers",
        "data": {
            "member_id": "example:shopkeeper",
            "role": "operator",
            "message_id": "m-6",
            "message_kind": "product",
            "product_id": "oolong-100g",
        },
    },
    {
        "specversion": "1.0",
        "id": "o-2",
        "source": "example/shop",
        "type": "order.paid",
        "time": "2026-03-10T04:07:00Z",
        "data": {
            "customer_id": "example-shop:1042",
            "order_id": "A-17",
            "total_minor": 4900,
            "currency": "CNY",
        },
    },
)
KINDS = {
    "member.joined": "A member entered a group.",
    "member.left": "A member left a group.",
    "message.sent": "Somebody wrote in a group. With `product_id` it is a product message.",
    "message.edited": "A message was changed. Stored, not counted.",
    "message.recalled": "A message was taken back. Stored, not counted.",
    "reaction.added": "Somebody reacted to a message.",
    "reaction.removed": "A reaction was taken back. Stored, not counted.",
    "link.clicked": "Somebody followed a link, of the group and message given.",
    "product.viewed": "A customer looked at a product.",
    "cart.added": "A customer put a product into the cart.",
    "order.placed": "A customer ordered. With `group_id`: the link that led there came from this group.",
    "order.paid": "An order was paid; the first one of an order counts.",
    "order.refunded": "Money of an order was paid back; all of them add up.",
    "identity.linked": "Two accounts belong to one person.",
    "group.created": "A group came to be, or was opened again.",
    "group.updated": "Attributes of a group changed; those not given stay.",
    "group.closed": "A group was closed.",
    "group.snapshot": "Who is in a group at an instant: all of them.",
    "group.intervention": "Somebody says what the company did for a group. It moves no watermark and measures no day.",
    "spend.recorded": "Somebody says what the company spent on a group, a campaign, or neither. It moves no watermark.",
    "feed.heartbeat": "The connector is alive although nothing happened; moves the watermark of its source.",
}
PAYLOAD_NAMES = {
    "group_id": "`subject` or `group_id`",
    "account_id": "`member_id` or `customer_id`",
    "amount_minor": "`total_minor`",
    "linked_account_id": "`linked_id`",
    "message_id": "`message_id`",
    "product_id": "`product_id`",
    "order_id": "`order_id`",
    "currency": "`currency`",
    "intervention": "`intervention`",
}
"""A column that a kind needs -> the payload's fields that fill it."""
ENVELOPE = {
    "specversion": "The version of CloudEvents.",
    "id": "Unique in the source. Of joins, leaves, reactions, clicks, views, carts and links, and where it begins with "
    "`~`, a pseudonym of it is stored.",
    "source": "The sender: a connector of a chat, a shop.",
    "type": "The kind, see above.",
    "time": "When it happened.",
    "subject": "The group, unless the payload's `group_id` gives it.",
    "data": "The payload.",
}
PAYLOAD = """\
Every kind may carry every field. Ids of groups, members and customers have the form `carrier:native_id`. Money is an
integer in minor units of its currency. One amount is at most 4611686018427387904 (2^62); sums over events have 38
digits, so any number of such amounts adds up exactly. The refunds of one order count up to one greatest amount in all:
no payment is more."""
PAYLOAD_FIELDS = {
    "member_id": "Who acts, as an account of a chat.",
    "customer_id": "Who acts, as an account of a shop; read where there is no `member_id`.",
    "role": "As whom: operators and bots work for the company and never count as engagement.",
    "group_id": "The group; goes over `subject`.",
    "message_id": "The message meant.",
    "message_kind": "`red_packet`, `broadcast` and `system` are no engagement.",
    "reply_to": "The message that this one answers.",
    "text_length": "Characters of the text. The text itself is never asked for.",
    "links": "Number of links in the text.",
    "mentions": "Number of people mentioned.",
    "product_id": "The product.",
    "order_id": "The order, unique in its source.",
    "total_minor": "The amount of the order, payment or refund, in minor units.",
    "currency": "ISO 4217 code.",
    "linked_id": "The other account of the same person.",
    "name": "The group's name.",
    "purpose": "The group's purpose: retention, sales, referral, service or one of your own.",
    "operators": "The group's operators, all of them.",
    "planned_end": "When the group is meant to end.",
    "intervention": "Of `group.intervention`: what was done.",
    "intervention_note": "The same in words, which are kept: see [interventions](../definitions.md#interventions).",
    "campaign": "Of `spend.recorded`: what the money was spent on.",
    "members": "Of a snapshot: the members, each with its `id` and `role`.",
    "items": "What the order is made of: for each product its `product_id`, and perhaps the `quantity` and the "
    "`amount_minor` paid for all of it.",
}
QUARANTINE = """\
A record that is no valid event goes to the lake table [`quarantine`](lake.md#quarantine) with its coordinates, a
reason, the detail and its bytes, which stay for `privacy.keep_raw_days`. A record without a value (a
tombstone) is counted and otherwise ignored. A valid event that is wrong is
[taken out](../how-to/take-an-event-out.md) by `emberline quarantine add`."""
QUARANTINE_REASONS = {
    "bad_json": "Not JSON.",
    "empty_value": "No byte, or only white space.",
    "bad_utf8": "Not UTF-8.",
    "too_deep": "Nested too deeply.",
    "too_large": "More than 1 MiB.",
    "too_many": "A record of more than 65,536 events.",
    "invalid_field": "A field has the wrong type or form; the detail names it by its path.",
    "missing_field": "The kind needs a field that is not there.",
    "unknown_kind": "The type is not one of the kinds.",
    "past_time": "Happened before 1990: a wrong unit, or a clock that was never set.",
    "future_time": "Happened later than Kafka's time of it and the skew allowed.",
    "blocked_id": "Would link a placeholder id, such as `null` or `0`.",
}

LAKE = """\
Delta tables under `lake.uri`, `<state>/lake` where that is not set. Times are UTC in microseconds; days are calendar
days of the business zone; `month` is the first day of the month of `day`. [How to read
them](../how-to/read-the-lake-and-warehouse.md). *Adds up* says over which rows a number may be summed: `within` names
the columns that have to be the same in all of them. *From* names the columns that a column is computed from. *Read by*
names the tables that need its rows, which is why [no row goes by age](../how-to/limit-how-long-data-is-kept.md)."""
WAREHOUSE = """\
PostgreSQL, schema `mart`. Everything a reader needs is here; the schema `staging` holds the next version while it is
checked, and the schema `ops` what the pipeline notes about itself. Money is in minor units of the currency beside it.
Persons appear as pseudonyms; only [ids of
events](../how-to/limit-how-long-data-is-kept.md#what-still-names-somebody) may contain an account. *Adds up* says over
which rows a number may be summed: `within` names the columns that have to be the same in all of them.

The report names the tables of each of its parts. On the terminal, the tables are `funnel_step` (funnels), `group_state`
and `group_risk` (groups), `group_sales` (sales), `ops.alert` (alerts) and `publication` (days and rows of a version).
The records that a run reads are counted by `pipelines.ingest.counts`."""
CHECKS = """\
Great Expectations runs these on the schema `staging`. A failed `critical` one stops the publication and readers keep
the version before; a `warning` is logged and published. Beside them every table must hold exactly as many rows as were
loaded into it."""

COMPUTED_BY = {
    "identity": "events.identity.identity",
    "person_day": "engagement.person_day.person_day",
    "first_seen": "engagement.first_seen.first_seen",
    "retention": "engagement.retention_table.retention_table",
    "lifecycle": "engagement.lifecycle.lifecycle",
    "member_state": "engagement.states.member_state",
    "group_engagement": "engagement.states.group_engagement",
    "group": "groups.group.group_table",
    "segment_activity": "engagement.segments.segment_activity",
    "segment_retention": "engagement.segments.segment_retention",
    "person_path": "funnel.person_path.person_path",
    "conversion_path": "funnel.conversion_path.conversion_path",
    "conversion_path_sales": "funnel.conversion_path.conversion_path_sales",
    "group_day": "groups.group_day.group_day",
    "group_hour": "groups.group_hour.group_hour",
    "group_network": "groups.network.group_network",
    "staff_day": "groups.staff_day.staff_day",
    "member_change": "groups.member_change.member_change",
    "feed_day": "groups.feed_day.feed_day",
    "staff_act": "groups.staff_act.staff_act",
    "intervention": "groups.intervention.intervention",
    "contact": "groups.contacts.contacts",
    "group_health": "groups.health.group_health",
    "group_state": "groups.state.group_state",
    "risk_model": "groups.risk.graded.graded_model",
    "intervention_case": "groups.interventions.cases.matched_cases",
    "intervention_effect": "groups.interventions.effects.effects",
    "intervention_sales": "groups.interventions.sales.sales_after",
    "group_risk": "groups.risk.drivers.drivers",
    "funnel_entry": "funnel.funnel.funnel",
    "matched_event": "refresh.matched.refresh_matched",
    "funnel_step": "funnel.views.summary",
    "funnel_breakdown": "funnel.breakdown.breakdown",
    "funnel_time_to_convert": "funnel.time_to_convert.time_to_convert",
    "funnel_curve": "funnel.curve.curve",
    "funnel_trend": "funnel.trend.trend",
    "spend_day": "funnel.spend.spend_day",
    "spend_return": "funnel.spend.spend_return",
    "order_credit": "funnel.attribution.order_credit",
    "order_refund": "funnel.orders.order_refunds",
    "order_item": "funnel.order_facts.order_items",
    "customer_order": "funnel.order_facts.order_rows",
    "group_sales": "funnel.sales.sales",
    "group_sales_day": "funnel.sales.sales",
    "message_sales": "funnel.sales.sales",
    "segment_sales": "funnel.sales.sales",
    "revenue_cohort": "engagement.revenue_cohorts.revenue_cohorts",
    "person_value": "engagement.person_value.person_value",
}
"""Where the rows of each fact are computed, below `pipelines`."""

WRITTEN_BY = {
    "mart.dim_carrier": "publish.dimensions.carrier_rows",
    "mart.dim_currency": "publish.dimensions.currency_rows",
    "mart.dim_date": "publish.dimensions.date_rows",
    "mart.dim_group": "publish.dimensions.group_rows",
    "mart.dim_item": "publish.dimensions.item_rows",
    "mart.dim_person": "publish.dimensions.person_rows",
    "mart.dim_purpose": "publish.dimensions.purpose_rows",
    "mart.excluded_account": "publish.rows.excluded_rows",
    "mart.exclusion": "publish.rows.exclusion_rows",
    "mart.funnel_match": "funnel.views.matches",
    "mart.publication": "publish.switch.switch",
    "mart.restatement": "publish.restatements.note_restatements",
    "ops.alert": "alerts.decide.decide",
    "ops.alert_action": "alerts.triage.Triage",
    "ops.alert_notice": "alerts.ledger.AlertLedger",
}
"""Where the rows of warehouse tables that are no lake table of that name are computed, below `pipelines`."""
