/*
 * click.sql: a table of clicks with the indexes of the extension's touches; no
 * token is made or checked.
 */
CREATE TABLE click (
	clicked_at timestamptz NOT NULL,
	referrer_id uuid NOT NULL,
	campaign text,
	landing text
);
CREATE INDEX ON click (referrer_id, clicked_at);
CREATE INDEX ON click (campaign) WHERE campaign IS NOT NULL;
