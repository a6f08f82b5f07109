-- What a tenant tries, a line each; ;; parts statements of one transaction. test_tenants.py adds every table.

-- The other tables, by name.
SELECT * FROM staging.group_day_new
SELECT * FROM staging.group_day
SELECT * FROM dagster.runs
SELECT * FROM ops.alembic_version
SELECT * FROM ops.tenant_group
TABLE mart.dim_group

-- What may be read, in every way.
SELECT ctid, xmin, tableoid FROM dim_group
SELECT * FROM dim_group TABLESAMPLE SYSTEM (100)
SELECT * FROM ONLY mart.dim_group
SELECT dim_group FROM dim_group ORDER BY 1 DESC
SELECT rows_changed FROM publication
SELECT events_batch FROM mart.publication
SELECT max(messages), sum(messages), count(*) FROM group_day
SELECT string_agg(group_id, ',') OVER () FROM group_sales

-- XML and catalog functions read by text, as whoever calls them.
SELECT table_to_xml('tenant.dim_group', true, false, '')
SELECT table_to_xml(c.oid::regclass, true, false, '') FROM pg_class AS c WHERE relname = 'group_day' AND relkind = 'r'
SELECT query_to_xml('SELECT * FROM mart.group_day', true, false, '')
SELECT schema_to_xml('mart', true, false, '')
SELECT schema_to_xml('ops', true, false, '')
SELECT database_to_xml(true, false, '')
SELECT cursor_to_xml('c', 10, true, false, '')
SELECT ts_stat('SELECT name::tsvector FROM mart.dim_group')
SELECT * FROM ts_stat('SELECT to_tsvector(name) FROM mart.dim_group')

-- Conditions that fail or speak on rows they may not see.
SELECT * FROM dim_group WHERE name::int > 0
SELECT * FROM dim_group WHERE 1 / (length(name) - 11) > 0
SELECT * FROM group_day WHERE 1 / (messages - 987654321) < 5
SELECT group_id::date FROM group_sales
SELECT * FROM group_state WHERE cast(reason AS numeric) > 0
SELECT name::xml FROM dim_group
SELECT name::jsonb FROM dim_group
SELECT name::regclass FROM dim_group
SELECT * FROM dim_group WHERE name ~ '(' OR group_id = 'x'
SELECT set_config('a.b', name, false) FROM dim_group;; SELECT current_setting('a.b')
SELECT * FROM dim_group WHERE set_config('a.c', coalesce(current_setting('a.c', true), '') || name, false) <> '';;SELECT current_setting('a.c')
SELECT * FROM dim_group WHERE pg_notify('spy', name) IS NULL
SELECT pg_stat_get_activity(NULL)
SELECT convert_from(name::bytea, 'SQL_ASCII')::int FROM dim_group
DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM dim_group LOOP RAISE NOTICE '%', r; END LOOP; END $$
DO $$ DECLARE r record; BEGIN FOR r IN SELECT * FROM mart.dim_group LOOP RAISE NOTICE '%', r; END LOOP; END $$
DO $$ BEGIN RAISE NOTICE '%', (SELECT count(*) FROM group_day WHERE messages = 987654321); END $$

-- Another role.
SET ROLE emberline;; SELECT * FROM mart.dim_group
SET ROLE emberline_reader;; SELECT * FROM mart.dim_group
SET ROLE emberline_admin;; SELECT * FROM mart.dim_group
SET ROLE emberline_tenant;; SELECT * FROM dim_group
SET ROLE pg_read_all_data;; SELECT * FROM mart.dim_group
SET SESSION AUTHORIZATION emberline;; SELECT * FROM mart.dim_group
SET LOCAL row_security = off;; SELECT * FROM dim_group
SET LOCAL role = 'emberline'
SELECT set_config('role', 'emberline', true);; SELECT * FROM mart.dim_group
SELECT set_config('session_authorization', 'emberline', true)
SELECT set_config('is_superuser', 'on', true)
GRANT emberline TO CURRENT_USER
GRANT emberline_reader TO CURRENT_USER
ALTER ROLE CURRENT_USER BYPASSRLS
ALTER ROLE CURRENT_USER SUPERUSER
ALTER ROLE emberline_reader PASSWORD 'x'
SELECT * FROM pg_authid
SELECT * FROM pg_shadow
SELECT rolpassword FROM pg_roles
SELECT * FROM pg_user_mappings
SELECT * FROM pg_hba_file_rules
SELECT * FROM pg_file_settings
SELECT * FROM pg_db_role_setting
SELECT * FROM information_schema.role_table_grants WHERE table_name = 'dim_group'

-- Policies, grants and views changed.
ALTER TABLE mart.dim_group DISABLE ROW LEVEL SECURITY;; SELECT * FROM dim_group
DROP POLICY emberline_tenants ON mart.dim_group
CREATE POLICY p ON mart.dim_group TO PUBLIC USING (true)
INSERT INTO ops.tenant_group SELECT current_user, group_id, now(), '' FROM mart.dim_group;; SELECT * FROM dim_group
UPDATE ops.tenant_group SET tenant = current_user
DELETE FROM ops.tenant_group
INSERT INTO dim_group (group_id, carrier) VALUES ('SECRET-group', 'x')
UPDATE dim_group SET group_id = name
UPDATE group_day SET group_id = 'qq:own'
DELETE FROM group_day
TRUNCATE mart.group_day
SELECT * FROM dim_group FOR UPDATE
LOCK TABLE mart.dim_group
LOCK TABLE dim_group IN EXCLUSIVE MODE
ALTER VIEW dim_group SET (security_invoker = false);; SELECT * FROM dim_group
CREATE OR REPLACE VIEW dim_group AS SELECT 1
ALTER VIEW dim_group OWNER TO CURRENT_USER
CREATE VIEW tenant.spy AS SELECT * FROM mart.dim_group
CREATE RULE r AS ON SELECT TO dim_group DO INSTEAD SELECT 1
CREATE MATERIALIZED VIEW tenant.spy AS SELECT * FROM dim_group
COMMENT ON VIEW dim_group IS 'x'
MERGE INTO dim_group AS d USING (SELECT 1) AS s ON true WHEN MATCHED THEN DELETE
INSERT INTO mart.dim_group VALUES ('SECRET-group', 'x') ON CONFLICT DO NOTHING RETURNING *

-- Things of one's own.
CREATE TEMP TABLE dim_group AS SELECT * FROM mart.dim_group
CREATE TABLE public.t (x text)
CREATE FUNCTION pg_temp.spy(text) RETURNS bool COST 0.001 LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END';;SELECT * FROM dim_group WHERE pg_temp.spy(name)
CREATE FUNCTION public.spy(text) RETURNS bool LANGUAGE sql AS 'SELECT true'
CREATE SCHEMA spy
CREATE OPERATOR public.= (leftarg = text, rightarg = text, function = texteq)
CREATE EXTENSION dblink
CREATE EXTENSION postgres_fdw
CREATE AGGREGATE public.spy(text) (sfunc = textcat, stype = text)
CREATE TRIGGER t AFTER INSERT ON mart.dim_group EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()
CREATE EVENT TRIGGER t ON ddl_command_end EXECUTE FUNCTION f()
CREATE PUBLICATION p FOR ALL TABLES
CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p
CREATE STATISTICS tenant.s ON group_id, day FROM mart.group_day
SET search_path = mart, ops, staging;; SELECT * FROM group_day_new;; SELECT * FROM alert
SET search_path = mart;; SELECT * FROM dim_group
SET search_path = pg_temp, tenant;; SELECT * FROM dim_group
ALTER TABLE mart.dim_group ADD CONSTRAINT f FOREIGN KEY (name) REFERENCES mart.dim_group

-- Statistics and what the server shows of others.
SELECT * FROM pg_stats
SELECT * FROM pg_statistic
SELECT * FROM pg_stats_ext
SELECT * FROM pg_statistic_ext_data
SELECT most_common_vals FROM pg_stats WHERE schemaname = 'mart'
SELECT query FROM pg_stat_activity
SELECT * FROM pg_stat_statements
SELECT * FROM pg_prepared_statements
SELECT * FROM pg_cursors
SELECT * FROM pg_prepared_xacts
SELECT * FROM pg_stat_subscription
SELECT description FROM pg_description JOIN pg_class ON objoid = oid WHERE relname LIKE '%tenant%'
EXPLAIN (ANALYZE, VERBOSE, BUFFERS OFF) SELECT * FROM group_day WHERE messages > 5
EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM dim_group AS a JOIN group_day AS b USING (group_id)

-- Prepared statements, cursors, notifications.
PREPARE p AS SELECT * FROM dim_group;; EXECUTE p;; DEALLOCATE p
PREPARE q AS SELECT * FROM mart.dim_group
DECLARE c CURSOR FOR SELECT * FROM dim_group;; FETCH ALL c;; MOVE BACKWARD ALL c;; FETCH ALL c
DECLARE d BINARY CURSOR FOR SELECT group_id FROM mart.dim_group;; FETCH ALL d
LISTEN run_events

-- Files, large objects, the server.
SELECT lo_import('postgresql.conf')
SELECT lo_create(0)
SELECT lo_get(1)
SELECT lo_from_bytea(0, 'x')
SELECT * FROM pg_largeobject
SELECT pg_read_file('postgresql.conf')
SELECT pg_read_binary_file('base/1')
SELECT pg_ls_dir('.')
SELECT * FROM pg_ls_logdir()
COPY (SELECT 1) TO PROGRAM 'cat'
COPY (SELECT 1) TO '/tmp/spy'
SELECT pg_current_logfile()
SELECT pg_logical_slot_get_changes('s', NULL, NULL)
SELECT pg_create_logical_replication_slot('s', 'test_decoding')
SELECT pg_get_wal_summarizer_state()
SELECT get_raw_page('mart.dim_group', 0)
SELECT currval('ops.alert_alert_id_seq')
SELECT last_value FROM ops.alert_alert_id_seq
SELECT pg_sequence_last_value('ops.alert_alert_id_seq')
SELECT pg_advisory_lock(hashtext('emberline publish'))
SELECT pg_try_advisory_xact_lock(1)
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'emberline'
