-- A warehouse of version 0.1.0 with rows: the dump that commit 86c345d left after two publications of the company in its
-- tests (the second one restated a figure), an alert on a group with its notice, and two on the pipeline, one resolved.
-- Made with pg_dump --inserts --no-owner --no-privileges; its settings, blank lines and remarks are taken out.
CREATE SCHEMA mart;
CREATE SCHEMA ops;
CREATE SCHEMA staging;
CREATE TABLE mart.dim_group (
    group_id text NOT NULL,
    carrier text NOT NULL,
    name text,
    purpose text,
    operators integer,
    created_at timestamp with time zone,
    closed_at timestamp with time zone,
    planned_end timestamp with time zone,
    born_at timestamp with time zone
);
COMMENT ON TABLE mart.dim_group IS 'Every group that an event named.';
COMMENT ON COLUMN mart.dim_group.group_id IS 'carrier:native_id';
COMMENT ON COLUMN mart.dim_group.purpose IS 'retention, sales, referral, service, or the company''s own';
COMMENT ON COLUMN mart.dim_group.operators IS 'members who work for the company';
COMMENT ON COLUMN mart.dim_group.born_at IS '3 members exchanged 4 messages within 20 minutes';
CREATE TABLE mart.funnel_breakdown (
    funnel text NOT NULL,
    by text NOT NULL,
    touch text NOT NULL,
    segment_kind text NOT NULL,
    segment text NOT NULL,
    step_number integer NOT NULL,
    step text NOT NULL,
    reached bigint NOT NULL,
    reached_immature bigint NOT NULL,
    rate_overall double precision,
    rate_step double precision,
    median_seconds double precision,
    mean_seconds double precision,
    p90_seconds double precision,
    step_median_seconds double precision,
    step_mean_seconds double precision,
    step_p90_seconds double precision
);
COMMENT ON TABLE mart.funnel_breakdown IS 'funnel_step by the value of a property; by all_steps an entry can be in several segments.';
COMMENT ON COLUMN mart.funnel_breakdown.by IS 'the property';
COMMENT ON COLUMN mart.funnel_breakdown.touch IS 'the matched event whose value an entry has';
COMMENT ON COLUMN mart.funnel_breakdown.segment_kind IS 'total; value; none: without a value; other: values without a segment of their own';
COMMENT ON COLUMN mart.funnel_breakdown.segment IS 'the value, or again the kind';
COMMENT ON COLUMN mart.funnel_breakdown.step_number IS 'from 1';
COMMENT ON COLUMN mart.funnel_breakdown.reached IS 'mature entries that reached the step';
COMMENT ON COLUMN mart.funnel_breakdown.reached_immature IS 'entries whose window is not over yet';
COMMENT ON COLUMN mart.funnel_breakdown.rate_overall IS 'reached / entered, mature entries';
COMMENT ON COLUMN mart.funnel_breakdown.rate_step IS 'reached / reached the step before, mature entries';
COMMENT ON COLUMN mart.funnel_breakdown.median_seconds IS 'from entry to this step, mature entries';
COMMENT ON COLUMN mart.funnel_breakdown.mean_seconds IS 'from entry to this step, mature entries';
COMMENT ON COLUMN mart.funnel_breakdown.p90_seconds IS 'from entry to this step, mature entries';
COMMENT ON COLUMN mart.funnel_breakdown.step_median_seconds IS 'from the step before to this step, mature entries';
COMMENT ON COLUMN mart.funnel_breakdown.step_mean_seconds IS 'from the step before to this step, mature entries';
COMMENT ON COLUMN mart.funnel_breakdown.step_p90_seconds IS 'from the step before to this step, mature entries';
CREATE TABLE mart.funnel_curve (
    funnel text NOT NULL,
    step_number integer NOT NULL,
    seconds bigint NOT NULL,
    step text NOT NULL,
    at_risk bigint NOT NULL,
    converted bigint NOT NULL,
    conversion double precision NOT NULL,
    conversion_low double precision,
    conversion_high double precision
);
COMMENT ON TABLE mart.funnel_curve IS 'Conversion by the time since entry, fresh entries included for as long as they were observed.';
COMMENT ON COLUMN mart.funnel_curve.step_number IS 'from 2';
COMMENT ON COLUMN mart.funnel_curve.seconds IS 'since the entry';
COMMENT ON COLUMN mart.funnel_curve.at_risk IS 'entries that were observed so long and had not reached the step before';
COMMENT ON COLUMN mart.funnel_curve.converted IS 'entries that had reached the step by then';
COMMENT ON COLUMN mart.funnel_curve.conversion IS 'Kaplan-Meier estimate of the share that reaches it';
COMMENT ON COLUMN mart.funnel_curve.conversion_low IS 'of its 95 % confidence interval; null: there is none';
CREATE TABLE mart.funnel_entry (
    funnel text NOT NULL,
    person_id text NOT NULL,
    entry integer NOT NULL,
    entered_at timestamp with time zone NOT NULL,
    steps_reached smallint NOT NULL,
    is_mature boolean NOT NULL
);
COMMENT ON TABLE mart.funnel_entry IS 'One row an entry: the drill-down of funnel_step.';
COMMENT ON COLUMN mart.funnel_entry.person_id IS 'pseudonym';
COMMENT ON COLUMN mart.funnel_entry.entry IS 'from 1, a person';
CREATE TABLE mart.funnel_match (
    funnel text NOT NULL,
    person_id text NOT NULL,
    entry integer NOT NULL,
    entered_at timestamp with time zone NOT NULL,
    step_number integer NOT NULL,
    step text NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    "time" timestamp with time zone NOT NULL
);
COMMENT ON TABLE mart.funnel_match IS 'The event that matched each step an entry reached.';
COMMENT ON COLUMN mart.funnel_match.person_id IS 'pseudonym';
COMMENT ON COLUMN mart.funnel_match.entry IS 'from 1, a person';
COMMENT ON COLUMN mart.funnel_match.source IS 'CloudEvents source of the matched event';
CREATE TABLE mart.funnel_step (
    funnel text NOT NULL,
    step_number integer NOT NULL,
    step text NOT NULL,
    reached bigint NOT NULL,
    reached_immature bigint NOT NULL,
    rate_overall double precision,
    rate_step double precision,
    median_seconds double precision,
    mean_seconds double precision,
    p90_seconds double precision,
    step_median_seconds double precision,
    step_mean_seconds double precision,
    step_p90_seconds double precision
);
COMMENT ON TABLE mart.funnel_step IS 'The funnel''s summary, computed from funnel_match''s entries.';
COMMENT ON COLUMN mart.funnel_step.step_number IS 'from 1';
COMMENT ON COLUMN mart.funnel_step.reached IS 'mature entries that reached the step';
COMMENT ON COLUMN mart.funnel_step.reached_immature IS 'entries whose window is not over yet';
COMMENT ON COLUMN mart.funnel_step.rate_overall IS 'reached / entered, mature entries';
COMMENT ON COLUMN mart.funnel_step.rate_step IS 'reached / reached the step before, mature entries';
COMMENT ON COLUMN mart.funnel_step.median_seconds IS 'from entry to this step, mature entries';
COMMENT ON COLUMN mart.funnel_step.mean_seconds IS 'from entry to this step, mature entries';
COMMENT ON COLUMN mart.funnel_step.p90_seconds IS 'from entry to this step, mature entries';
COMMENT ON COLUMN mart.funnel_step.step_median_seconds IS 'from the step before to this step, mature entries';
COMMENT ON COLUMN mart.funnel_step.step_mean_seconds IS 'from the step before to this step, mature entries';
COMMENT ON COLUMN mart.funnel_step.step_p90_seconds IS 'from the step before to this step, mature entries';
CREATE TABLE mart.funnel_time_to_convert (
    funnel text NOT NULL,
    step_number integer NOT NULL,
    since text NOT NULL,
    from_seconds bigint NOT NULL,
    until_seconds bigint NOT NULL,
    step text NOT NULL,
    reached bigint NOT NULL
);
COMMENT ON TABLE mart.funnel_time_to_convert IS 'How long it took to reach a step, as a histogram.';
COMMENT ON COLUMN mart.funnel_time_to_convert.step_number IS 'from 2';
COMMENT ON COLUMN mart.funnel_time_to_convert.since IS 'entry or step_before';
COMMENT ON COLUMN mart.funnel_time_to_convert.from_seconds IS 'start of the bin';
COMMENT ON COLUMN mart.funnel_time_to_convert.until_seconds IS 'end of the bin, no longer in it; in the last bin, which ends with the window, it is';
COMMENT ON COLUMN mart.funnel_time_to_convert.reached IS 'mature entries that reached the step after so long';
CREATE TABLE mart.funnel_trend (
    funnel text NOT NULL,
    unit text NOT NULL,
    start date NOT NULL,
    step_number integer NOT NULL,
    step text NOT NULL,
    reached_so_far bigint NOT NULL,
    reached bigint,
    rate_overall double precision,
    rate_step double precision,
    is_mature boolean NOT NULL
);
COMMENT ON TABLE mart.funnel_trend IS 'Conversion by the calendar unit of the entry.';
COMMENT ON COLUMN mart.funnel_trend.unit IS 'day, week or month';
COMMENT ON COLUMN mart.funnel_trend.start IS 'first day of the unit in which they entered';
COMMENT ON COLUMN mart.funnel_trend.step_number IS 'from 1';
COMMENT ON COLUMN mart.funnel_trend.reached_so_far IS 'entries of the unit that reached the step, mature or not';
COMMENT ON COLUMN mart.funnel_trend.reached IS 'the same, once the unit is mature; null before';
COMMENT ON COLUMN mart.funnel_trend.rate_overall IS 'reached / entered; null before the unit is mature';
COMMENT ON COLUMN mart.funnel_trend.rate_step IS 'reached / reached the step before; null before the unit is mature';
COMMENT ON COLUMN mart.funnel_trend.is_mature IS 'the window of all its entries is over';
CREATE TABLE mart.group_day (
    group_id text NOT NULL,
    day date NOT NULL,
    speakers bigint NOT NULL,
    active_members bigint NOT NULL,
    messages bigint NOT NULL,
    replies bigint NOT NULL,
    reactions bigint NOT NULL,
    joined bigint NOT NULL,
    "left" bigint NOT NULL,
    operator_messages bigint NOT NULL,
    bot_messages bigint NOT NULL,
    product_messages bigint NOT NULL,
    clicks bigint NOT NULL
);
COMMENT ON TABLE mart.group_day IS 'What happened in a group on a day with any event; operators and bots are counted apart.';
COMMENT ON COLUMN mart.group_day.day IS 'calendar day of the business zone';
COMMENT ON COLUMN mart.group_day.speakers IS 'members who wrote';
COMMENT ON COLUMN mart.group_day.active_members IS 'members who wrote or reacted';
CREATE TABLE mart.group_engagement (
    group_id text NOT NULL,
    day date NOT NULL,
    newly_active bigint NOT NULL,
    active bigint NOT NULL,
    returned bigint NOT NULL,
    paused bigint NOT NULL,
    disengaged bigint NOT NULL,
    lurker bigint NOT NULL,
    consistent bigint NOT NULL,
    vital bigint NOT NULL,
    still_active bigint NOT NULL,
    dropped bigint NOT NULL,
    about_to_disengage bigint NOT NULL
);
COMMENT ON TABLE mart.group_engagement IS 'The members of each group by state, counted from member_state.';
COMMENT ON COLUMN mart.group_engagement.day IS 'the newest complete day';
COMMENT ON COLUMN mart.group_engagement.active IS 'active before, too, and not after two silent windows';
CREATE TABLE mart.group_risk (
    group_id text NOT NULL,
    day date NOT NULL,
    risk_28 double precision NOT NULL,
    risk_56 double precision NOT NULL,
    drivers text NOT NULL,
    model text NOT NULL,
    may_alert boolean NOT NULL
);
COMMENT ON TABLE mart.group_risk IS 'How likely living groups were to die, as told on each day; no rows while history is short.';
COMMENT ON COLUMN mart.group_risk.day IS 'the newest complete day when this was told';
COMMENT ON COLUMN mart.group_risk.risk_28 IS 'probability of being dead within 28 days';
COMMENT ON COLUMN mart.group_risk.risk_56 IS 'likewise within 56 days';
COMMENT ON COLUMN mart.group_risk.drivers IS 'what raises risk_28, in words, with percentage points';
COMMENT ON COLUMN mart.group_risk.model IS 'version of the model';
COMMENT ON COLUMN mart.group_risk.may_alert IS 'true where the model had done better than counts';
CREATE TABLE mart.group_sales (
    model text NOT NULL,
    group_id text NOT NULL,
    currency text NOT NULL,
    orders bigint NOT NULL,
    buyers bigint NOT NULL,
    paid_minor bigint NOT NULL,
    refunded_minor bigint NOT NULL,
    net_minor bigint NOT NULL
);
COMMENT ON TABLE mart.group_sales IS 'What was sold from where, a row a model, group and currency; orders and buyers do not add up over groups.';
COMMENT ON COLUMN mart.group_sales.group_id IS '''unattributed'' is a row of its own';
CREATE TABLE mart.group_state (
    group_id text NOT NULL,
    since date NOT NULL,
    until date,
    state text NOT NULL,
    is_current boolean NOT NULL,
    last_active_day date,
    silent_days integer,
    reason text NOT NULL,
    speaker_days_7d integer,
    speaker_days_usual double precision,
    messages_7d integer,
    messages_usual double precision,
    replies_7d integer,
    replies_usual double precision,
    baseline_weeks integer,
    operator_messages_7d integer,
    messages_28d integer,
    operator_share_28d double precision,
    half_writers_28d integer,
    half_writers_before integer,
    joined_28d integer,
    left_28d integer,
    newly_active_28d integer
);
COMMENT ON TABLE mart.group_state IS 'The life of a group as spells of days, with the components of each spell''s first day.';
COMMENT ON COLUMN mart.group_state.since IS 'first day in this state';
COMMENT ON COLUMN mart.group_state.until IS 'first day no longer in it; null: current';
COMMENT ON COLUMN mart.group_state.last_active_day IS 'last day with member activity before the spell''s end';
COMMENT ON COLUMN mart.group_state.silent_days IS 'complete days without member activity at the spell''s end';
COMMENT ON COLUMN mart.group_state.reason IS 'why, with the numbers behind it';
COMMENT ON COLUMN mart.group_state.speaker_days_7d IS 'members who wrote, a day, summed over 7 days';
COMMENT ON COLUMN mart.group_state.speaker_days_usual IS 'median of the weeks before; null: no baseline';
COMMENT ON COLUMN mart.group_state.messages_usual IS 'likewise';
COMMENT ON COLUMN mart.group_state.replies_usual IS 'likewise';
COMMENT ON COLUMN mart.group_state.baseline_weeks IS 'weeks behind what is usual, 0: too few';
COMMENT ON COLUMN mart.group_state.operator_share_28d IS 'messages of operators and bots / all messages';
COMMENT ON COLUMN mart.group_state.half_writers_28d IS 'fewest members who wrote half of the messages';
COMMENT ON COLUMN mart.group_state.half_writers_before IS 'the same in the 28 days before';
COMMENT ON COLUMN mart.group_state.newly_active_28d IS 'members whose first activity in the group it was';
CREATE TABLE mart.lifecycle (
    unit text NOT NULL,
    start date NOT NULL,
    active bigint NOT NULL,
    new bigint NOT NULL,
    "returning" bigint NOT NULL,
    resurrecting bigint NOT NULL,
    dormant bigint NOT NULL,
    is_complete boolean NOT NULL
);
COMMENT ON TABLE mart.lifecycle IS 'active = active before - dormant + new + resurrecting.';
COMMENT ON COLUMN mart.lifecycle.unit IS 'day, week or month';
COMMENT ON COLUMN mart.lifecycle.start IS 'first day of the unit';
CREATE TABLE mart.member_state (
    group_id text NOT NULL,
    person_id text NOT NULL,
    day date NOT NULL,
    state text NOT NULL,
    is_consistent boolean NOT NULL,
    is_vital boolean NOT NULL,
    is_still_active boolean NOT NULL,
    is_dropped boolean NOT NULL,
    is_about_to_disengage boolean NOT NULL,
    active_windows integer NOT NULL,
    connected_windows integer NOT NULL,
    first_active_day date,
    last_active_day date
);
COMMENT ON TABLE mart.member_state IS 'How engaged each member is in each group on the newest complete day.';
COMMENT ON COLUMN mart.member_state.person_id IS 'pseudonym';
COMMENT ON COLUMN mart.member_state.day IS 'the newest complete day; windows of 7 days are counted back';
COMMENT ON COLUMN mart.member_state.state IS 'by the newest windows with activity';
COMMENT ON COLUMN mart.member_state.is_consistent IS 'active in 3 of the last 4 windows';
COMMENT ON COLUMN mart.member_state.is_vital IS 'connected with 5 members in 3 of the last 4 windows';
COMMENT ON COLUMN mart.member_state.is_still_active IS 'newly active two windows ago, active since';
COMMENT ON COLUMN mart.member_state.is_dropped IS 'newly active a window ago, silent since';
COMMENT ON COLUMN mart.member_state.is_about_to_disengage IS 'paused and not consistent';
COMMENT ON COLUMN mart.member_state.active_windows IS 'of the last 4';
COMMENT ON COLUMN mart.member_state.connected_windows IS 'of the last 4';
COMMENT ON COLUMN mart.member_state.first_active_day IS 'null: never active';
COMMENT ON COLUMN mart.member_state.last_active_day IS 'null: never active';
CREATE TABLE mart.message_sales (
    model text NOT NULL,
    group_id text NOT NULL,
    message_id text NOT NULL,
    currency text NOT NULL,
    orders bigint NOT NULL,
    buyers bigint NOT NULL,
    paid_minor bigint NOT NULL,
    refunded_minor bigint NOT NULL,
    net_minor bigint NOT NULL
);
COMMENT ON TABLE mart.message_sales IS 'The same by message; what is of no group is of the message ''unattributed''.';
COMMENT ON COLUMN mart.message_sales.group_id IS '''unattributed'' is a row of its own';
COMMENT ON COLUMN mart.message_sales.message_id IS '''unknown'' where no event names the message';
CREATE TABLE mart.order_credit (
    credit_id text NOT NULL,
    model text NOT NULL,
    shop text NOT NULL,
    order_id text NOT NULL,
    person_id text,
    group_id text,
    message_id text,
    touched_at timestamp with time zone,
    paid_at timestamp with time zone NOT NULL,
    currency text NOT NULL,
    paid_minor bigint NOT NULL,
    refunded_minor bigint NOT NULL,
    net_minor bigint NOT NULL
);
COMMENT ON TABLE mart.order_credit IS 'Paid orders credited to messages of groups; over a model''s rows of an order each amount sums to its own.';
COMMENT ON COLUMN mart.order_credit.credit_id IS 'model, shop, order, group and message in one key';
COMMENT ON COLUMN mart.order_credit.model IS 'attribution model';
COMMENT ON COLUMN mart.order_credit.shop IS 'source of the order''s events';
COMMENT ON COLUMN mart.order_credit.person_id IS 'pseudonym; null: the account stands for nobody';
COMMENT ON COLUMN mart.order_credit.group_id IS 'null: unattributed';
COMMENT ON COLUMN mart.order_credit.message_id IS 'null: unattributed, or no event names the message';
COMMENT ON COLUMN mart.order_credit.touched_at IS 'the latest touch of the message';
COMMENT ON COLUMN mart.order_credit.currency IS 'ISO 4217';
CREATE TABLE mart.person_value (
    person_id text NOT NULL,
    currency text NOT NULL,
    day date NOT NULL,
    recency_days integer NOT NULL,
    orders bigint NOT NULL,
    net_minor bigint NOT NULL,
    recency_score integer NOT NULL,
    frequency_score integer NOT NULL,
    monetary_score integer NOT NULL,
    p_alive double precision,
    expected_purchases double precision,
    unmodelled text
);
COMMENT ON TABLE mart.person_value IS 'What buyers are worth on the newest complete day, a row a person and currency.';
COMMENT ON COLUMN mart.person_value.person_id IS 'pseudonym';
COMMENT ON COLUMN mart.person_value.currency IS 'ISO 4217; scores compare buyers in it';
COMMENT ON COLUMN mart.person_value.day IS 'the newest complete day';
COMMENT ON COLUMN mart.person_value.recency_days IS 'days since the last order';
COMMENT ON COLUMN mart.person_value.net_minor IS 'paid less refunded';
COMMENT ON COLUMN mart.person_value.recency_score IS '1 to 5 by rank, 5: bought last';
COMMENT ON COLUMN mart.person_value.frequency_score IS '1 to 5 by rank, 5: most orders';
COMMENT ON COLUMN mart.person_value.monetary_score IS '1 to 5 by rank, 5: paid most';
COMMENT ON COLUMN mart.person_value.p_alive IS 'BG/NBD over all currencies: probability of still buying';
COMMENT ON COLUMN mart.person_value.expected_purchases IS 'BG/NBD: days with a purchase in the next 28 days';
COMMENT ON COLUMN mart.person_value.unmodelled IS 'why p_alive and expected_purchases are null';
CREATE TABLE mart.publication (
    version bigint NOT NULL,
    published_at timestamp with time zone NOT NULL,
    events_batch bigint NOT NULL,
    lake_state bigint NOT NULL,
    complete_through date,
    is_synthetic boolean NOT NULL,
    rules bigint NOT NULL,
    rows_changed bigint NOT NULL
);
COMMENT ON TABLE mart.publication IS 'One row a published version; a reader sees exactly one version in all tables.';
COMMENT ON COLUMN mart.publication.events_batch IS 'newest batch of events the version includes';
COMMENT ON COLUMN mart.publication.lake_state IS 'fingerprint of the facts it was made from';
COMMENT ON COLUMN mart.publication.complete_through IS 'last complete day';
COMMENT ON COLUMN mart.publication.is_synthetic IS 'true when any event is simulated';
COMMENT ON COLUMN mart.publication.rules IS 'fingerprint of the settings its facts were made with';
CREATE TABLE mart.restatement (
    version bigint NOT NULL,
    table_name text NOT NULL,
    key text NOT NULL,
    figure text NOT NULL,
    period date NOT NULL,
    before bigint,
    after bigint,
    late_events bigint NOT NULL,
    merges bigint NOT NULL,
    rules_changed boolean NOT NULL
);
COMMENT ON TABLE mart.restatement IS 'Published figures of complete periods that a later version changed, and because of what.';
COMMENT ON COLUMN mart.restatement.version IS 'the version that changed the figure';
COMMENT ON COLUMN mart.restatement.table_name IS 'the table of mart that holds it';
COMMENT ON COLUMN mart.restatement.key IS 'primary key of its row as JSON: key::jsonb ->> ''group_id''';
COMMENT ON COLUMN mart.restatement.figure IS 'the column';
COMMENT ON COLUMN mart.restatement.period IS 'first day of the period it is of';
COMMENT ON COLUMN mart.restatement.before IS 'what was published, 0 without a row; null: it was withdrawn before';
COMMENT ON COLUMN mart.restatement.after IS 'what is now, 0 without a row; null: withdrawn, the period is open again';
COMMENT ON COLUMN mart.restatement.late_events IS 'events that came after their day was complete and bear on the figure: in group_day those of the group on the day, of every kind; elsewhere those of all groups up to the end of the period: members'' activity, for order_credit also orders, clicks, product messages, joinings and leavings';
COMMENT ON COLUMN mart.restatement.merges IS 'accounts that came to another person and have events that bear on the figure';
COMMENT ON COLUMN mart.restatement.rules_changed IS 'true when the version has other settings';
CREATE TABLE mart.retention (
    unit text NOT NULL,
    cohort date NOT NULL,
    period integer NOT NULL,
    cohort_size bigint NOT NULL,
    active bigint,
    is_complete boolean NOT NULL
);
COMMENT ON TABLE mart.retention IS 'Cohort by first-ever activity; active in exactly that period (mode `on`, calendar units).';
COMMENT ON COLUMN mart.retention.unit IS 'week or month';
COMMENT ON COLUMN mart.retention.cohort IS 'first day of the unit in which they were first ever active';
COMMENT ON COLUMN mart.retention.period IS 'units after the cohort''s';
COMMENT ON COLUMN mart.retention.active IS 'null while the period is incomplete';
CREATE TABLE mart.segment_sales (
    model text NOT NULL,
    breakdown text NOT NULL,
    segment text NOT NULL,
    currency text NOT NULL,
    orders bigint NOT NULL,
    buyers bigint NOT NULL,
    paid_minor bigint NOT NULL,
    refunded_minor bigint NOT NULL,
    net_minor bigint NOT NULL
);
COMMENT ON TABLE mart.segment_sales IS 'The same by purpose and by carrier; each breakdown has all of the money.';
COMMENT ON COLUMN mart.segment_sales.breakdown IS 'purpose or carrier of the group';
COMMENT ON COLUMN mart.segment_sales.segment IS '''unattributed'' and ''unknown'' are rows of their own';
CREATE TABLE ops.alert (
    alert_id bigint NOT NULL,
    rule text NOT NULL,
    subject text NOT NULL,
    severity text NOT NULL,
    message text NOT NULL,
    next_step text NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    resolved_at timestamp with time zone,
    occurrences bigint NOT NULL
);
COMMENT ON TABLE ops.alert IS 'Alerts about the pipeline itself: at most one open for a rule and subject, and those resolved.';
COMMENT ON COLUMN ops.alert.rule IS 'what was found to be wrong, for example data_stale';
COMMENT ON COLUMN ops.alert.subject IS 'of what: a topic and partition, a job, a table';
COMMENT ON COLUMN ops.alert.severity IS 'critical or warning, as last found';
COMMENT ON COLUMN ops.alert.message IS 'what was found, with its numbers, as last found';
COMMENT ON COLUMN ops.alert.next_step IS 'what to do about it';
COMMENT ON COLUMN ops.alert.opened_at IS 'when it was first found';
COMMENT ON COLUMN ops.alert.seen_at IS 'when it was last found';
COMMENT ON COLUMN ops.alert.resolved_at IS 'when it was looked for and no longer found; null: open';
COMMENT ON COLUMN ops.alert.occurrences IS 'how many times it was found while open';
ALTER TABLE ops.alert ALTER COLUMN alert_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ops.alert_alert_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE ops.alert_notice (
    notice_id bigint NOT NULL,
    alert_id bigint NOT NULL,
    channel text NOT NULL,
    event text NOT NULL,
    known jsonb NOT NULL,
    decided_at timestamp with time zone NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    next_try_at timestamp with time zone NOT NULL,
    error text,
    delivered_at timestamp with time zone
);
COMMENT ON TABLE ops.alert_notice IS 'What is to be told of alerts on groups, a row for each channel; written with the decision to tell it.';
COMMENT ON COLUMN ops.alert_notice.notice_id IS 'key in Kafka';
COMMENT ON COLUMN ops.alert_notice.channel IS 'name in [alerts.channels], or kafka';
COMMENT ON COLUMN ops.alert_notice.event IS 'firing, reminder, recovered or closed';
COMMENT ON COLUMN ops.alert_notice.known IS 'what is told: since, reason, name, purpose, state, details';
COMMENT ON COLUMN ops.alert_notice.attempts IS 'deliveries that failed';
COMMENT ON COLUMN ops.alert_notice.next_try_at IS 'not before';
COMMENT ON COLUMN ops.alert_notice.error IS 'of the newest failed delivery';
COMMENT ON COLUMN ops.alert_notice.delivered_at IS 'null: waiting';
ALTER TABLE ops.alert_notice ALTER COLUMN notice_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ops.alert_notice_notice_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE ops.group_alert (
    alert_id bigint NOT NULL,
    rule text NOT NULL,
    subject text NOT NULL,
    severity text NOT NULL,
    since date NOT NULL,
    reason text NOT NULL,
    name text,
    purpose text,
    state text,
    details jsonb NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    told_at timestamp with time zone NOT NULL,
    notices integer NOT NULL,
    acknowledged_at timestamp with time zone,
    acknowledged_by text,
    snoozed_until timestamp with time zone,
    unmeasured_since timestamp with time zone,
    error text,
    resolved_at timestamp with time zone,
    outcome text,
    outcome_day date
);
COMMENT ON TABLE ops.group_alert IS 'Alerts on groups and their feeds: at most one open for a rule and subject, what was known when it fired, and what became of the group.';
COMMENT ON COLUMN ops.group_alert.rule IS 'group_dying, group_dead, group_declining, group_silent, group_at_risk or stale_feed';
COMMENT ON COLUMN ops.group_alert.subject IS 'the group_id, or the source of a feed';
COMMENT ON COLUMN ops.group_alert.severity IS 'critical or warning, when it fired';
COMMENT ON COLUMN ops.group_alert.since IS 'since when it was so, as known when it fired';
COMMENT ON COLUMN ops.group_alert.reason IS 'why, with the numbers behind it';
COMMENT ON COLUMN ops.group_alert.name IS 'of the group';
COMMENT ON COLUMN ops.group_alert.purpose IS 'of the group';
COMMENT ON COLUMN ops.group_alert.state IS 'of the group';
COMMENT ON COLUMN ops.group_alert.details IS 'the numbers, by name';
COMMENT ON COLUMN ops.group_alert.opened_at IS 'when it fired';
COMMENT ON COLUMN ops.group_alert.seen_at IS 'when its rule was last evaluated';
COMMENT ON COLUMN ops.group_alert.told_at IS 'when its newest notice was decided on';
COMMENT ON COLUMN ops.group_alert.notices IS 'how many there were';
COMMENT ON COLUMN ops.group_alert.acknowledged_at IS 'null: not acknowledged';
COMMENT ON COLUMN ops.group_alert.snoozed_until IS 'no reminder before; then one';
COMMENT ON COLUMN ops.group_alert.unmeasured_since IS 'since when it cannot be known whether it still holds; null: it can';
COMMENT ON COLUMN ops.group_alert.error IS 'why its rule could not be evaluated; null: it could';
COMMENT ON COLUMN ops.group_alert.resolved_at IS 'when it held no more; null: open';
COMMENT ON COLUMN ops.group_alert.outcome IS 'what became of the group: died, recovered or ended; null: not known yet';
COMMENT ON COLUMN ops.group_alert.outcome_day IS 'the day on which it did';
ALTER TABLE ops.group_alert ALTER COLUMN alert_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME ops.group_alert_alert_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE staging.dim_group (
    group_id text,
    carrier text,
    name text,
    purpose text,
    operators integer,
    created_at timestamp with time zone,
    closed_at timestamp with time zone,
    planned_end timestamp with time zone,
    born_at timestamp with time zone
);
CREATE TABLE staging.funnel_breakdown (
    funnel text,
    by text,
    touch text,
    segment_kind text,
    segment text,
    step_number integer,
    step text,
    reached bigint,
    reached_immature bigint,
    rate_overall double precision,
    rate_step double precision,
    median_seconds double precision,
    mean_seconds double precision,
    p90_seconds double precision,
    step_median_seconds double precision,
    step_mean_seconds double precision,
    step_p90_seconds double precision
);
CREATE TABLE staging.funnel_curve (
    funnel text,
    step_number integer,
    seconds bigint,
    step text,
    at_risk bigint,
    converted bigint,
    conversion double precision,
    conversion_low double precision,
    conversion_high double precision
);
CREATE TABLE staging.funnel_entry (
    funnel text,
    person_id text,
    entry integer,
    entered_at timestamp with time zone,
    steps_reached smallint,
    is_mature boolean
);
CREATE TABLE staging.funnel_match (
    funnel text,
    person_id text,
    entry integer,
    entered_at timestamp with time zone,
    step_number integer,
    step text,
    source text,
    event_id text,
    "time" timestamp with time zone
);
CREATE TABLE staging.funnel_step (
    funnel text,
    step_number integer,
    step text,
    reached bigint,
    reached_immature bigint,
    rate_overall double precision,
    rate_step double precision,
    median_seconds double precision,
    mean_seconds double precision,
    p90_seconds double precision,
    step_median_seconds double precision,
    step_mean_seconds double precision,
    step_p90_seconds double precision
);
CREATE TABLE staging.funnel_time_to_convert (
    funnel text,
    step_number integer,
    since text,
    from_seconds bigint,
    until_seconds bigint,
    step text,
    reached bigint
);
CREATE TABLE staging.funnel_trend (
    funnel text,
    unit text,
    start date,
    step_number integer,
    step text,
    reached_so_far bigint,
    reached bigint,
    rate_overall double precision,
    rate_step double precision,
    is_mature boolean
);
CREATE TABLE staging.group_day (
    group_id text,
    day date,
    speakers bigint,
    active_members bigint,
    messages bigint,
    replies bigint,
    reactions bigint,
    joined bigint,
    "left" bigint,
    operator_messages bigint,
    bot_messages bigint,
    product_messages bigint,
    clicks bigint
);
CREATE TABLE staging.group_engagement (
    group_id text,
    day date,
    newly_active bigint,
    active bigint,
    returned bigint,
    paused bigint,
    disengaged bigint,
    lurker bigint,
    consistent bigint,
    vital bigint,
    still_active bigint,
    dropped bigint,
    about_to_disengage bigint
);
CREATE TABLE staging.group_risk (
    group_id text,
    day date,
    risk_28 double precision,
    risk_56 double precision,
    drivers text,
    model text,
    may_alert boolean
);
CREATE TABLE staging.group_sales (
    model text,
    group_id text,
    currency text,
    orders bigint,
    buyers bigint,
    paid_minor bigint,
    refunded_minor bigint,
    net_minor bigint
);
CREATE TABLE staging.group_state (
    group_id text,
    since date,
    until date,
    state text,
    is_current boolean,
    last_active_day date,
    silent_days integer,
    reason text,
    speaker_days_7d integer,
    speaker_days_usual double precision,
    messages_7d integer,
    messages_usual double precision,
    replies_7d integer,
    replies_usual double precision,
    baseline_weeks integer,
    operator_messages_7d integer,
    messages_28d integer,
    operator_share_28d double precision,
    half_writers_28d integer,
    half_writers_before integer,
    joined_28d integer,
    left_28d integer,
    newly_active_28d integer
);
CREATE TABLE staging.lifecycle (
    unit text,
    start date,
    active bigint,
    new bigint,
    "returning" bigint,
    resurrecting bigint,
    dormant bigint,
    is_complete boolean
);
CREATE TABLE staging.member_state (
    group_id text,
    person_id text,
    day date,
    state text,
    is_consistent boolean,
    is_vital boolean,
    is_still_active boolean,
    is_dropped boolean,
    is_about_to_disengage boolean,
    active_windows integer,
    connected_windows integer,
    first_active_day date,
    last_active_day date
);
CREATE TABLE staging.message_sales (
    model text,
    group_id text,
    message_id text,
    currency text,
    orders bigint,
    buyers bigint,
    paid_minor bigint,
    refunded_minor bigint,
    net_minor bigint
);
CREATE TABLE staging.order_credit (
    credit_id text,
    model text,
    shop text,
    order_id text,
    person_id text,
    group_id text,
    message_id text,
    touched_at timestamp with time zone,
    paid_at timestamp with time zone,
    currency text,
    paid_minor bigint,
    refunded_minor bigint,
    net_minor bigint
);
CREATE TABLE staging.person_value (
    person_id text,
    currency text,
    day date,
    recency_days integer,
    orders bigint,
    net_minor bigint,
    recency_score integer,
    frequency_score integer,
    monetary_score integer,
    p_alive double precision,
    expected_purchases double precision,
    unmodelled text
);
CREATE TABLE staging.retention (
    unit text,
    cohort date,
    period integer,
    cohort_size bigint,
    active bigint,
    is_complete boolean
);
CREATE TABLE staging.segment_sales (
    model text,
    breakdown text,
    segment text,
    currency text,
    orders bigint,
    buyers bigint,
    paid_minor bigint,
    refunded_minor bigint,
    net_minor bigint
);
INSERT INTO mart.dim_group VALUES ('qq:1', 'qq', NULL, NULL, 1, NULL, NULL, NULL, NULL);
INSERT INTO mart.dim_group VALUES ('qq:2', 'qq', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO mart.funnel_breakdown VALUES ('standard', 'group_id', 'first_step', 'total', 'total', 1, 'step 1', 2, 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO mart.funnel_breakdown VALUES ('standard', 'group_id', 'first_step', 'total', 'total', 2, 'step 2', 1, 0, 0.5, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO mart.funnel_breakdown VALUES ('standard', 'group_id', 'first_step', 'value', 'qq:1', 1, 'step 1', 1, 0, 0.5, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO mart.funnel_breakdown VALUES ('standard', 'group_id', 'first_step', 'value', 'qq:1', 2, 'step 2', 1, 0, 0.5, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO mart.funnel_breakdown VALUES ('standard', 'group_id', 'first_step', 'none', 'none', 1, 'step 1', 1, 0, 0.5, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO mart.funnel_breakdown VALUES ('standard', 'group_id', 'first_step', 'none', 'none', 2, 'step 2', 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO mart.funnel_curve VALUES ('standard', 2, 0, 'step 2', 2, 0, 0, 0, 0.9);
INSERT INTO mart.funnel_curve VALUES ('standard', 2, 60, 'step 2', 2, 1, 0.5, 0, 0.9);
INSERT INTO mart.funnel_entry VALUES ('standard', 'p1', 1, '2025-03-03 12:00:00+00', 2, true);
INSERT INTO mart.funnel_entry VALUES ('standard', 'p2', 1, '2025-03-03 12:00:00+00', 1, true);
INSERT INTO mart.funnel_match VALUES ('standard', 'p2', 1, '2025-03-03 12:00:00+00', 1, 'step 1', 'simulator', 'p2-1', '2025-03-03 12:00:00+00');
INSERT INTO mart.funnel_match VALUES ('standard', 'p1', 1, '2025-03-03 12:00:00+00', 2, 'step 2', 'simulator', 'p1-2', '2025-03-03 12:00:00+00');
INSERT INTO mart.funnel_match VALUES ('standard', 'p1', 1, '2025-03-03 12:00:00+00', 1, 'step 1', 'simulator', 'p1-1', '2025-03-03 12:00:00+00');
INSERT INTO mart.funnel_step VALUES ('standard', 1, 'step 1', 2, 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO mart.funnel_step VALUES ('standard', 2, 'step 2', 1, 0, 0.5, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO mart.funnel_time_to_convert VALUES ('standard', 2, 'entry', 0, 60, 'step 2', 1);
INSERT INTO mart.funnel_time_to_convert VALUES ('standard', 2, 'entry', 60, 120, 'step 2', 0);
INSERT INTO mart.funnel_time_to_convert VALUES ('standard', 2, 'step_before', 0, 60, 'step 2', 1);
INSERT INTO mart.funnel_trend VALUES ('standard', 'week', '2025-03-03', 1, 'step 1', 2, 2, NULL, NULL, true);
INSERT INTO mart.funnel_trend VALUES ('standard', 'week', '2025-03-03', 2, 'step 2', 1, 1, NULL, NULL, true);
INSERT INTO mart.funnel_trend VALUES ('standard', 'week', '2025-03-10', 1, 'step 1', 0, NULL, NULL, NULL, false);
INSERT INTO mart.group_day VALUES ('qq:1', '2025-03-04', 1, 2, 4, 0, 0, 0, 0, 0, 0, 0, 1);
INSERT INTO mart.group_day VALUES ('qq:2', '2025-03-03', 1, 2, 1, 0, 0, 0, 0, 0, 0, 0, 1);
INSERT INTO mart.group_day VALUES ('qq:1', '2025-03-03', 1, 2, 99, 0, 0, 0, 0, 0, 0, 0, 1);
INSERT INTO mart.group_engagement VALUES ('qq:1', '2025-03-03', 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0);
INSERT INTO mart.group_risk VALUES ('qq:1', '2025-03-04', 0.2, 0.4, '', 'm1', true);
INSERT INTO mart.group_risk VALUES ('qq:1', '2025-03-05', 0.3, 0.3, '', 'm1', true);
INSERT INTO mart.group_sales VALUES ('last_click', 'qq:1', 'CNY', 1, 1, 500, 100, 400);
INSERT INTO mart.group_sales VALUES ('last_click', 'unattributed', 'CNY', 1, 1, 200, 300, 0);
INSERT INTO mart.group_state VALUES ('qq:1', '2025-03-03', '2025-03-04', 'unborn', false, NULL, NULL, 'why', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO mart.group_state VALUES ('qq:1', '2025-03-04', NULL, 'alive', true, NULL, NULL, 'why', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO mart.group_state VALUES ('qq:2', '2025-03-03', NULL, 'unborn', true, NULL, NULL, 'why', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO mart.lifecycle VALUES ('day', '2025-03-03', 3, 3, 0, 0, 0, true);
INSERT INTO mart.lifecycle VALUES ('day', '2025-03-04', 2, 0, 2, 0, 1, true);
INSERT INTO mart.member_state VALUES ('qq:1', 'p1', '2025-03-03', 'active', false, false, false, false, false, 1, 0, '2025-03-03', NULL);
INSERT INTO mart.member_state VALUES ('qq:1', 'p2', '2025-03-03', 'lurker', false, false, false, false, false, 1, 0, NULL, NULL);
INSERT INTO mart.message_sales VALUES ('last_click', 'qq:1', 'm', 'CNY', 1, 1, 500, 100, 400);
INSERT INTO mart.message_sales VALUES ('last_click', 'unattributed', 'unattributed', 'CNY', 1, 1, 200, 300, 0);
INSERT INTO mart.order_credit VALUES ('o1', 'last_click', 'shop', 'o1', 'p1', 'qq:1', NULL, NULL, '2025-03-03 12:00:00+00', 'CNY', 500, 100, 400);
INSERT INTO mart.order_credit VALUES ('o2', 'last_click', 'shop', 'o2', 'p1', NULL, NULL, NULL, '2025-03-03 12:00:00+00', 'CNY', 200, 300, 0);
INSERT INTO mart.person_value VALUES ('p1', 'CNY', '2025-03-03', 0, 1, 400, 1, 5, 3, 0.5, 0.5, NULL);
INSERT INTO mart.person_value VALUES ('p2', 'CNY', '2025-03-03', 0, 1, 400, 1, 5, 3, NULL, NULL, 'too few');
INSERT INTO mart.publication VALUES (1, '2025-03-03 12:00:00+00', 1, 1, '2025-03-03', true, 0, 51);
INSERT INTO mart.publication VALUES (2, '2025-03-03 13:00:00+00', 2, 2, '2025-03-03', true, 0, 1);
INSERT INTO mart.restatement VALUES (2, 'group_day', '{"day": "2025-03-03", "group_id": "qq:1"}', 'messages', '2025-03-03', 5, 99, 0, 0, false);
INSERT INTO mart.retention VALUES ('week', '2025-03-03', 0, 3, 3, true);
INSERT INTO mart.retention VALUES ('week', '2025-03-03', 1, 3, 2, true);
INSERT INTO mart.retention VALUES ('week', '2025-03-03', 2, 3, NULL, false);
INSERT INTO mart.segment_sales VALUES ('last_click', 'purpose', 'unattributed', 'CNY', 1, 1, 200, 300, 0);
INSERT INTO mart.segment_sales VALUES ('last_click', 'purpose', 'sales', 'CNY', 1, 1, 500, 100, 400);
INSERT INTO mart.segment_sales VALUES ('last_click', 'carrier', 'qq', 'CNY', 1, 1, 500, 100, 400);
INSERT INTO mart.segment_sales VALUES ('last_click', 'carrier', 'unattributed', 'CNY', 1, 1, 200, 300, 0);
INSERT INTO ops.alert OVERRIDING SYSTEM VALUE VALUES (1, 'data_stale', 'mart', 'critical', 'mart is 3 hours behind.', 'See the newest run.', '2025-03-03 12:00:00+00', '2025-03-03 13:00:00+00', NULL, 2);
INSERT INTO ops.alert OVERRIDING SYSTEM VALUE VALUES (2, 'run_failed', 'pipeline_job', 'critical', 'The newest run failed.', 'See its page.', '2025-03-03 12:00:00+00', '2025-03-03 12:00:00+00', '2025-03-03 13:00:00+00', 1);
INSERT INTO ops.alert_notice OVERRIDING SYSTEM VALUE VALUES (1, 1, 'ops', 'firing', '{"name": "Tea lovers", "since": "2026-03-02", "state": "dying", "reason": "speakers at 40 % of usual (2 a day, usually 5); 4 left and 1 joined in 28 days", "details": {"messages_7d": 8}, "purpose": "retention"}', '2025-03-03 12:00:00+00', 0, '2025-03-03 12:00:00+00', NULL, NULL);
INSERT INTO ops.group_alert OVERRIDING SYSTEM VALUE VALUES (1, 'group_dying', 'qq:1', 'critical', '2026-03-02', 'speakers at 40 % of usual (2 a day, usually 5); 4 left and 1 joined in 28 days', 'Tea lovers', 'retention', 'dying', '{"messages_7d": 8}', '2025-03-03 12:00:00+00', '2025-03-03 12:00:00+00', '2025-03-03 12:00:00+00', 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO staging.dim_group VALUES ('qq:1', 'qq', NULL, NULL, 1, NULL, NULL, NULL, NULL);
INSERT INTO staging.dim_group VALUES ('qq:2', 'qq', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO staging.funnel_breakdown VALUES ('standard', 'group_id', 'first_step', 'total', 'total', 1, 'step 1', 2, 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO staging.funnel_breakdown VALUES ('standard', 'group_id', 'first_step', 'total', 'total', 2, 'step 2', 1, 0, 0.5, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO staging.funnel_breakdown VALUES ('standard', 'group_id', 'first_step', 'value', 'qq:1', 1, 'step 1', 1, 0, 0.5, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO staging.funnel_breakdown VALUES ('standard', 'group_id', 'first_step', 'value', 'qq:1', 2, 'step 2', 1, 0, 0.5, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO staging.funnel_breakdown VALUES ('standard', 'group_id', 'first_step', 'none', 'none', 1, 'step 1', 1, 0, 0.5, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO staging.funnel_breakdown VALUES ('standard', 'group_id', 'first_step', 'none', 'none', 2, 'step 2', 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO staging.funnel_curve VALUES ('standard', 2, 0, 'step 2', 2, 0, 0, 0, 0.9);
INSERT INTO staging.funnel_curve VALUES ('standard', 2, 60, 'step 2', 2, 1, 0.5, 0, 0.9);
INSERT INTO staging.funnel_entry VALUES ('standard', 'p1', 1, '2025-03-03 12:00:00+00', 2, true);
INSERT INTO staging.funnel_entry VALUES ('standard', 'p2', 1, '2025-03-03 12:00:00+00', 1, true);
INSERT INTO staging.funnel_match VALUES ('standard', 'p1', 1, '2025-03-03 12:00:00+00', 1, 'step 1', 'simulator', 'p1-1', '2025-03-03 12:00:00+00');
INSERT INTO staging.funnel_match VALUES ('standard', 'p1', 1, '2025-03-03 12:00:00+00', 2, 'step 2', 'simulator', 'p1-2', '2025-03-03 12:00:00+00');
INSERT INTO staging.funnel_match VALUES ('standard', 'p2', 1, '2025-03-03 12:00:00+00', 1, 'step 1', 'simulator', 'p2-1', '2025-03-03 12:00:00+00');
INSERT INTO staging.funnel_step VALUES ('standard', 1, 'step 1', 2, 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO staging.funnel_step VALUES ('standard', 2, 'step 2', 1, 0, 0.5, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO staging.funnel_time_to_convert VALUES ('standard', 2, 'entry', 0, 60, 'step 2', 1);
INSERT INTO staging.funnel_time_to_convert VALUES ('standard', 2, 'entry', 60, 120, 'step 2', 0);
INSERT INTO staging.funnel_time_to_convert VALUES ('standard', 2, 'step_before', 0, 60, 'step 2', 1);
INSERT INTO staging.funnel_trend VALUES ('standard', 'week', '2025-03-03', 1, 'step 1', 2, 2, NULL, NULL, true);
INSERT INTO staging.funnel_trend VALUES ('standard', 'week', '2025-03-03', 2, 'step 2', 1, 1, NULL, NULL, true);
INSERT INTO staging.funnel_trend VALUES ('standard', 'week', '2025-03-10', 1, 'step 1', 0, NULL, NULL, NULL, false);
INSERT INTO staging.group_day VALUES ('qq:1', '2025-03-03', 1, 2, 99, 0, 0, 0, 0, 0, 0, 0, 1);
INSERT INTO staging.group_day VALUES ('qq:1', '2025-03-04', 1, 2, 4, 0, 0, 0, 0, 0, 0, 0, 1);
INSERT INTO staging.group_day VALUES ('qq:2', '2025-03-03', 1, 2, 1, 0, 0, 0, 0, 0, 0, 0, 1);
INSERT INTO staging.group_engagement VALUES ('qq:1', '2025-03-03', 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0);
INSERT INTO staging.group_risk VALUES ('qq:1', '2025-03-04', 0.2, 0.4, '', 'm1', true);
INSERT INTO staging.group_risk VALUES ('qq:1', '2025-03-05', 0.3, 0.3, '', 'm1', true);
INSERT INTO staging.group_sales VALUES ('last_click', 'qq:1', 'CNY', 1, 1, 500, 100, 400);
INSERT INTO staging.group_sales VALUES ('last_click', 'unattributed', 'CNY', 1, 1, 200, 300, 0);
INSERT INTO staging.group_state VALUES ('qq:1', '2025-03-03', '2025-03-04', 'unborn', false, NULL, NULL, 'why', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO staging.group_state VALUES ('qq:1', '2025-03-04', NULL, 'alive', true, NULL, NULL, 'why', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO staging.group_state VALUES ('qq:2', '2025-03-03', NULL, 'unborn', true, NULL, NULL, 'why', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO staging.lifecycle VALUES ('day', '2025-03-03', 3, 3, 0, 0, 0, true);
INSERT INTO staging.lifecycle VALUES ('day', '2025-03-04', 2, 0, 2, 0, 1, true);
INSERT INTO staging.member_state VALUES ('qq:1', 'p1', '2025-03-03', 'active', false, false, false, false, false, 1, 0, '2025-03-03', NULL);
INSERT INTO staging.member_state VALUES ('qq:1', 'p2', '2025-03-03', 'lurker', false, false, false, false, false, 1, 0, NULL, NULL);
INSERT INTO staging.message_sales VALUES ('last_click', 'qq:1', 'm', 'CNY', 1, 1, 500, 100, 400);
INSERT INTO staging.message_sales VALUES ('last_click', 'unattributed', 'unattributed', 'CNY', 1, 1, 200, 300, 0);
INSERT INTO staging.order_credit VALUES ('o1', 'last_click', 'shop', 'o1', 'p1', 'qq:1', NULL, NULL, '2025-03-03 12:00:00+00', 'CNY', 500, 100, 400);
INSERT INTO staging.order_credit VALUES ('o2', 'last_click', 'shop', 'o2', 'p1', NULL, NULL, NULL, '2025-03-03 12:00:00+00', 'CNY', 200, 300, 0);
INSERT INTO staging.person_value VALUES ('p1', 'CNY', '2025-03-03', 0, 1, 400, 1, 5, 3, 0.5, 0.5, NULL);
INSERT INTO staging.person_value VALUES ('p2', 'CNY', '2025-03-03', 0, 1, 400, 1, 5, 3, NULL, NULL, 'too few');
INSERT INTO staging.retention VALUES ('week', '2025-03-03', 0, 3, 3, true);
INSERT INTO staging.retention VALUES ('week', '2025-03-03', 1, 3, 2, true);
INSERT INTO staging.retention VALUES ('week', '2025-03-03', 2, 3, NULL, false);
INSERT INTO staging.segment_sales VALUES ('last_click', 'purpose', 'sales', 'CNY', 1, 1, 500, 100, 400);
INSERT INTO staging.segment_sales VALUES ('last_click', 'purpose', 'unattributed', 'CNY', 1, 1, 200, 300, 0);
INSERT INTO staging.segment_sales VALUES ('last_click', 'carrier', 'qq', 'CNY', 1, 1, 500, 100, 400);
INSERT INTO staging.segment_sales VALUES ('last_click', 'carrier', 'unattributed', 'CNY', 1, 1, 200, 300, 0);
SELECT pg_catalog.setval('ops.alert_alert_id_seq', 3, true);
SELECT pg_catalog.setval('ops.alert_notice_notice_id_seq', 1, true);
SELECT pg_catalog.setval('ops.group_alert_alert_id_seq', 1, true);
ALTER TABLE ONLY mart.dim_group
    ADD CONSTRAINT pk_dim_group PRIMARY KEY (group_id);
ALTER TABLE ONLY mart.funnel_breakdown
    ADD CONSTRAINT pk_funnel_breakdown PRIMARY KEY (funnel, by, touch, segment_kind, segment, step_number);
ALTER TABLE ONLY mart.funnel_curve
    ADD CONSTRAINT pk_funnel_curve PRIMARY KEY (funnel, step_number, seconds);
ALTER TABLE ONLY mart.funnel_entry
    ADD CONSTRAINT pk_funnel_entry PRIMARY KEY (funnel, person_id, entry);
ALTER TABLE ONLY mart.funnel_match
    ADD CONSTRAINT pk_funnel_match PRIMARY KEY (funnel, person_id, entry, step_number);
ALTER TABLE ONLY mart.funnel_step
    ADD CONSTRAINT pk_funnel_step PRIMARY KEY (funnel, step_number);
ALTER TABLE ONLY mart.funnel_time_to_convert
    ADD CONSTRAINT pk_funnel_time_to_convert PRIMARY KEY (funnel, step_number, since, from_seconds);
ALTER TABLE ONLY mart.funnel_trend
    ADD CONSTRAINT pk_funnel_trend PRIMARY KEY (funnel, unit, start, step_number);
ALTER TABLE ONLY mart.group_day
    ADD CONSTRAINT pk_group_day PRIMARY KEY (group_id, day);
ALTER TABLE ONLY mart.group_engagement
    ADD CONSTRAINT pk_group_engagement PRIMARY KEY (group_id, day);
ALTER TABLE ONLY mart.group_risk
    ADD CONSTRAINT pk_group_risk PRIMARY KEY (group_id, day);
ALTER TABLE ONLY mart.group_sales
    ADD CONSTRAINT pk_group_sales PRIMARY KEY (model, group_id, currency);
ALTER TABLE ONLY mart.group_state
    ADD CONSTRAINT pk_group_state PRIMARY KEY (group_id, since);
ALTER TABLE ONLY mart.lifecycle
    ADD CONSTRAINT pk_lifecycle PRIMARY KEY (unit, start);
ALTER TABLE ONLY mart.member_state
    ADD CONSTRAINT pk_member_state PRIMARY KEY (group_id, person_id);
ALTER TABLE ONLY mart.message_sales
    ADD CONSTRAINT pk_message_sales PRIMARY KEY (model, group_id, message_id, currency);
ALTER TABLE ONLY mart.order_credit
    ADD CONSTRAINT pk_order_credit PRIMARY KEY (credit_id);
ALTER TABLE ONLY mart.person_value
    ADD CONSTRAINT pk_person_value PRIMARY KEY (person_id, currency);
ALTER TABLE ONLY mart.publication
    ADD CONSTRAINT pk_publication PRIMARY KEY (version);
ALTER TABLE ONLY mart.restatement
    ADD CONSTRAINT pk_restatement PRIMARY KEY (version, table_name, key, figure);
ALTER TABLE ONLY mart.retention
    ADD CONSTRAINT pk_retention PRIMARY KEY (unit, cohort, period);
ALTER TABLE ONLY mart.segment_sales
    ADD CONSTRAINT pk_segment_sales PRIMARY KEY (model, breakdown, segment, currency);
ALTER TABLE ONLY ops.alert
    ADD CONSTRAINT pk_alert PRIMARY KEY (alert_id);
ALTER TABLE ONLY ops.alert_notice
    ADD CONSTRAINT pk_alert_notice PRIMARY KEY (notice_id);
ALTER TABLE ONLY ops.group_alert
    ADD CONSTRAINT pk_group_alert PRIMARY KEY (alert_id);
CREATE INDEX ix_group_day_day ON mart.group_day USING btree (day);
CREATE INDEX ix_group_risk_day ON mart.group_risk USING btree (day);
CREATE INDEX ix_order_credit_group_id ON mart.order_credit USING btree (group_id);
CREATE INDEX ix_restatement_period ON mart.restatement USING btree (period);
CREATE INDEX ix_alert_notice_waiting ON ops.alert_notice USING btree (channel, notice_id) WHERE (delivered_at IS NULL);
CREATE UNIQUE INDEX ux_alert_open ON ops.alert USING btree (rule, subject) WHERE (resolved_at IS NULL);
CREATE UNIQUE INDEX ux_group_alert_open ON ops.group_alert USING btree (rule, subject) WHERE (resolved_at IS NULL);
ALTER TABLE ONLY ops.alert_notice
    ADD CONSTRAINT alert_notice_alert_id_fkey FOREIGN KEY (alert_id) REFERENCES ops.group_alert(alert_id) ON DELETE CASCADE;
