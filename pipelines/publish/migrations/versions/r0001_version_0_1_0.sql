CREATE TABLE mart.dim_group (
    group_id TEXT NOT NULL,
    carrier TEXT NOT NULL,
    name TEXT,
    purpose TEXT,
    operators INTEGER,
    created_at TIMESTAMP WITH TIME ZONE,
    closed_at TIMESTAMP WITH TIME ZONE,
    planned_end TIMESTAMP WITH TIME ZONE,
    born_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_dim_group PRIMARY KEY (group_id)
);

CREATE TABLE mart.funnel_breakdown (
    funnel TEXT NOT NULL,
    by TEXT NOT NULL,
    touch TEXT NOT NULL,
    segment_kind TEXT NOT NULL,
    segment TEXT NOT NULL,
    step_number INTEGER NOT NULL,
    step TEXT NOT NULL,
    reached BIGINT NOT NULL,
    reached_immature BIGINT NOT NULL,
    rate_overall DOUBLE PRECISION,
    rate_step DOUBLE PRECISION,
    median_seconds DOUBLE PRECISION,
    mean_seconds DOUBLE PRECISION,
    p90_seconds DOUBLE PRECISION,
    step_median_seconds DOUBLE PRECISION,
    step_mean_seconds DOUBLE PRECISION,
    step_p90_seconds DOUBLE PRECISION,
    CONSTRAINT pk_funnel_breakdown PRIMARY KEY (funnel, by, touch, segment_kind, segment, step_number)
);

CREATE TABLE mart.funnel_curve (
    funnel TEXT NOT NULL,
    step_number INTEGER NOT NULL,
    seconds BIGINT NOT NULL,
    step TEXT NOT NULL,
    at_risk BIGINT NOT NULL,
    converted BIGINT NOT NULL,
    conversion DOUBLE PRECISION NOT NULL,
    conversion_low DOUBLE PRECISION,
    conversion_high DOUBLE PRECISION,
    CONSTRAINT pk_funnel_curve PRIMARY KEY (funnel, step_number, seconds)
);

CREATE TABLE mart.funnel_entry (
    funnel TEXT NOT NULL,
    person_id TEXT NOT NULL,
    entry INTEGER NOT NULL,
    entered_at TIMESTAMP WITH TIME ZONE NOT NULL,
    steps_reached SMALLINT NOT NULL,
    is_mature BOOLEAN NOT NULL,
    CONSTRAINT pk_funnel_entry PRIMARY KEY (funnel, person_id, entry)
);

CREATE TABLE mart.funnel_match (
    funnel TEXT NOT NULL,
    person_id TEXT NOT NULL,
    entry INTEGER NOT NULL,
    entered_at TIMESTAMP WITH TIME ZONE NOT NULL,
    step_number INTEGER NOT NULL,
    step TEXT NOT NULL,
    source TEXT NOT NULL,
    event_id TEXT NOT NULL,
    time TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_funnel_match PRIMARY KEY (funnel, person_id, entry, step_number)
);

CREATE TABLE mart.funnel_step (
    funnel TEXT NOT NULL,
    step_number INTEGER NOT NULL,
    step TEXT NOT NULL,
    reached BIGINT NOT NULL,
    reached_immature BIGINT NOT NULL,
    rate_overall DOUBLE PRECISION,
    rate_step DOUBLE PRECISION,
    median_seconds DOUBLE PRECISION,
    mean_seconds DOUBLE PRECISION,
    p90_seconds DOUBLE PRECISION,
    step_median_seconds DOUBLE PRECISION,
    step_mean_seconds DOUBLE PRECISION,
    step_p90_seconds DOUBLE PRECISION,
    CONSTRAINT pk_funnel_step PRIMARY KEY (funnel, step_number)
);

CREATE TABLE mart.funnel_time_to_convert (
    funnel TEXT NOT NULL,
    step_number INTEGER NOT NULL,
    since TEXT NOT NULL,
    from_seconds BIGINT NOT NULL,
    until_seconds BIGINT NOT NULL,
    step TEXT NOT NULL,
    reached BIGINT NOT NULL,
    CONSTRAINT pk_funnel_time_to_convert PRIMARY KEY (funnel, step_number, since, from_seconds)
);

CREATE TABLE mart.funnel_trend (
    funnel TEXT NOT NULL,
    unit TEXT NOT NULL,
    start DATE NOT NULL,
    step_number INTEGER NOT NULL,
    step TEXT NOT NULL,
    reached_so_far BIGINT NOT NULL,
    reached BIGINT,
    rate_overall DOUBLE PRECISION,
    rate_step DOUBLE PRECISION,
    is_mature BOOLEAN NOT NULL,
    CONSTRAINT pk_funnel_trend PRIMARY KEY (funnel, unit, start, step_number)
);

CREATE TABLE mart.group_day (
    group_id TEXT NOT NULL,
    day DATE NOT NULL,
    speakers BIGINT NOT NULL,
    active_members BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    replies BIGINT NOT NULL,
    reactions BIGINT NOT NULL,
    joined BIGINT NOT NULL,
    "left" BIGINT NOT NULL,
    operator_messages BIGINT NOT NULL,
    bot_messages BIGINT NOT NULL,
    product_messages BIGINT NOT NULL,
    clicks BIGINT NOT NULL,
    CONSTRAINT pk_group_day PRIMARY KEY (group_id, day)
);
CREATE INDEX ix_group_day_day ON mart.group_day (day);

CREATE TABLE mart.group_engagement (
    group_id TEXT NOT NULL,
    day DATE NOT NULL,
    newly_active BIGINT NOT NULL,
    active BIGINT NOT NULL,
    returned BIGINT NOT NULL,
    paused BIGINT NOT NULL,
    disengaged BIGINT NOT NULL,
    lurker BIGINT NOT NULL,
    consistent BIGINT NOT NULL,
    vital BIGINT NOT NULL,
    still_active BIGINT NOT NULL,
    dropped BIGINT NOT NULL,
    about_to_disengage BIGINT NOT NULL,
    CONSTRAINT pk_group_engagement PRIMARY KEY (group_id, day)
);

CREATE TABLE mart.group_risk (
    group_id TEXT NOT NULL,
    day DATE NOT NULL,
    risk_28 DOUBLE PRECISION NOT NULL,
    risk_56 DOUBLE PRECISION NOT NULL,
    drivers TEXT NOT NULL,
    model TEXT NOT NULL,
    may_alert BOOLEAN NOT NULL,
    CONSTRAINT pk_group_risk PRIMARY KEY (group_id, day)
);
CREATE INDEX ix_group_risk_day ON mart.group_risk (day);

CREATE TABLE mart.group_sales (
    model TEXT NOT NULL,
    group_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    orders BIGINT NOT NULL,
    buyers BIGINT NOT NULL,
    paid_minor BIGINT NOT NULL,
    refunded_minor BIGINT NOT NULL,
    net_minor BIGINT NOT NULL,
    CONSTRAINT pk_group_sales PRIMARY KEY (model, group_id, currency)
);

CREATE TABLE mart.group_state (
    group_id TEXT NOT NULL,
    since DATE NOT NULL,
    until DATE,
    state TEXT NOT NULL,
    is_current BOOLEAN NOT NULL,
    last_active_day DATE,
    silent_days INTEGER,
    reason TEXT NOT NULL,
    speaker_days_7d INTEGER,
    speaker_days_usual DOUBLE PRECISION,
    messages_7d INTEGER,
    messages_usual DOUBLE PRECISION,
    replies_7d INTEGER,
    replies_usual DOUBLE PRECISION,
    baseline_weeks INTEGER,
    operator_messages_7d INTEGER,
    messages_28d INTEGER,
    operator_share_28d DOUBLE PRECISION,
    half_writers_28d INTEGER,
    half_writers_before INTEGER,
    joined_28d INTEGER,
    left_28d INTEGER,
    newly_active_28d INTEGER,
    CONSTRAINT pk_group_state PRIMARY KEY (group_id, since)
);

CREATE TABLE mart.lifecycle (
    unit TEXT NOT NULL,
    start DATE NOT NULL,
    active BIGINT NOT NULL,
    "new" BIGINT NOT NULL,
    "returning" BIGINT NOT NULL,
    resurrecting BIGINT NOT NULL,
    dormant BIGINT NOT NULL,
    is_complete BOOLEAN NOT NULL,
    CONSTRAINT pk_lifecycle PRIMARY KEY (unit, start)
);

CREATE TABLE mart.member_state (
    group_id TEXT NOT NULL,
    person_id TEXT NOT NULL,
    day DATE NOT NULL,
    state TEXT NOT NULL,
    is_consistent BOOLEAN NOT NULL,
    is_vital BOOLEAN NOT NULL,
    is_still_active BOOLEAN NOT NULL,
    is_dropped BOOLEAN NOT NULL,
    is_about_to_disengage BOOLEAN NOT NULL,
    active_windows INTEGER NOT NULL,
    connected_windows INTEGER NOT NULL,
    first_active_day DATE,
    last_active_day DATE,
    CONSTRAINT pk_member_state PRIMARY KEY (group_id, person_id)
);

CREATE TABLE mart.message_sales (
    model TEXT NOT NULL,
    group_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    orders BIGINT NOT NULL,
    buyers BIGINT NOT NULL,
    paid_minor BIGINT NOT NULL,
    refunded_minor BIGINT NOT NULL,
    net_minor BIGINT NOT NULL,
    CONSTRAINT pk_message_sales PRIMARY KEY (model, group_id, message_id, currency)
);

CREATE TABLE mart.order_credit (
    credit_id TEXT NOT NULL,
    model TEXT NOT NULL,
    shop TEXT NOT NULL,
    order_id TEXT NOT NULL,
    person_id TEXT,
    group_id TEXT,
    message_id TEXT,
    touched_at TIMESTAMP WITH TIME ZONE,
    paid_at TIMESTAMP WITH TIME ZONE NOT NULL,
    currency TEXT NOT NULL,
    paid_minor BIGINT NOT NULL,
    refunded_minor BIGINT NOT NULL,
    net_minor BIGINT NOT NULL,
    CONSTRAINT pk_order_credit PRIMARY KEY (credit_id)
);
CREATE INDEX ix_order_credit_group_id ON mart.order_credit (group_id);

CREATE TABLE mart.person_value (
    person_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    day DATE NOT NULL,
    recency_days INTEGER NOT NULL,
    orders BIGINT NOT NULL,
    net_minor BIGINT NOT NULL,
    recency_score INTEGER NOT NULL,
    frequency_score INTEGER NOT NULL,
    monetary_score INTEGER NOT NULL,
    p_alive DOUBLE PRECISION,
    expected_purchases DOUBLE PRECISION,
    unmodelled TEXT,
    CONSTRAINT pk_person_value PRIMARY KEY (person_id, currency)
);

CREATE TABLE mart.publication (
    version BIGINT NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE NOT NULL,
    events_batch BIGINT NOT NULL,
    lake_state BIGINT NOT NULL,
    complete_through DATE,
    is_synthetic BOOLEAN NOT NULL,
    rules BIGINT NOT NULL,
    rows_changed BIGINT NOT NULL,
    CONSTRAINT pk_publication PRIMARY KEY (version)
);

CREATE TABLE mart.restatement (
    version BIGINT NOT NULL,
    table_name TEXT NOT NULL,
    key TEXT NOT NULL,
    figure TEXT NOT NULL,
    period DATE NOT NULL,
    before BIGINT,
    after BIGINT,
    late_events BIGINT NOT NULL,
    merges BIGINT NOT NULL,
    rules_changed BOOLEAN NOT NULL,
    CONSTRAINT pk_restatement PRIMARY KEY (version, table_name, key, figure)
);
CREATE INDEX ix_restatement_period ON mart.restatement (period);

CREATE TABLE mart.retention (
    unit TEXT NOT NULL,
    cohort DATE NOT NULL,
    period INTEGER NOT NULL,
    cohort_size BIGINT NOT NULL,
    active BIGINT,
    is_complete BOOLEAN NOT NULL,
    CONSTRAINT pk_retention PRIMARY KEY (unit, cohort, period)
);

CREATE TABLE mart.segment_sales (
    model TEXT NOT NULL,
    breakdown TEXT NOT NULL,
    segment TEXT NOT NULL,
    currency TEXT NOT NULL,
    orders BIGINT NOT NULL,
    buyers BIGINT NOT NULL,
    paid_minor BIGINT NOT NULL,
    refunded_minor BIGINT NOT NULL,
    net_minor BIGINT NOT NULL,
    CONSTRAINT pk_segment_sales PRIMARY KEY (model, breakdown, segment, currency)
);

CREATE TABLE ops.alert (
    alert_id BIGINT GENERATED ALWAYS AS IDENTITY,
    rule TEXT NOT NULL,
    subject TEXT NOT NULL,
    severity TEXT NOT NULL,
    message TEXT NOT NULL,
    next_step TEXT NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    resolved_at TIMESTAMP WITH TIME ZONE,
    occurrences BIGINT NOT NULL,
    CONSTRAINT pk_alert PRIMARY KEY (alert_id)
);
CREATE UNIQUE INDEX ux_alert_open ON ops.alert (rule, subject) WHERE resolved_at IS NULL;

CREATE TABLE ops.group_alert (
    alert_id BIGINT GENERATED ALWAYS AS IDENTITY,
    rule TEXT NOT NULL,
    subject TEXT NOT NULL,
    severity TEXT NOT NULL,
    since DATE NOT NULL,
    reason TEXT NOT NULL,
    name TEXT,
    purpose TEXT,
    state TEXT,
    details JSONB NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    told_at TIMESTAMP WITH TIME ZONE NOT NULL,
    notices INTEGER NOT NULL,
    acknowledged_at TIMESTAMP WITH TIME ZONE,
    acknowledged_by TEXT,
    snoozed_until TIMESTAMP WITH TIME ZONE,
    unmeasured_since TIMESTAMP WITH TIME ZONE,
    error TEXT,
    resolved_at TIMESTAMP WITH TIME ZONE,
    outcome TEXT,
    outcome_day DATE,
    CONSTRAINT pk_group_alert PRIMARY KEY (alert_id)
);
CREATE UNIQUE INDEX ux_group_alert_open ON ops.group_alert (rule, subject) WHERE resolved_at IS NULL;

CREATE TABLE ops.alert_notice (
    notice_id BIGINT GENERATED ALWAYS AS IDENTITY,
    alert_id BIGINT NOT NULL,
    channel TEXT NOT NULL,
    event TEXT NOT NULL,
    known JSONB NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    next_try_at TIMESTAMP WITH TIME ZONE NOT NULL,
    error TEXT,
    delivered_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_alert_notice PRIMARY KEY (notice_id),
    FOREIGN KEY(alert_id) REFERENCES ops.group_alert (alert_id) ON DELETE CASCADE
);
CREATE INDEX ix_alert_notice_waiting ON ops.alert_notice (channel, notice_id) WHERE delivered_at IS NULL;
