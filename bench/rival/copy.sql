/*
 * copy.sql: the floor of a large statement: the rows of sale, and then the
 * rows that are owed, computed beforehand, by INSERT … SELECT into tables
 * with the ledger's indexes and constraints, or lean ones.  The set-based trigger computes
 * them, on another table.
 */
\ir set.sql

CREATE TABLE staged_sale (LIKE sale INCLUDING ALL);
DROP TRIGGER accrue ON sale;
CREATE TRIGGER accrue AFTER INSERT ON staged_sale
	REFERENCING NEW TABLE AS new_sale
	FOR EACH STATEMENT EXECUTE FUNCTION rival.accrue();

CREATE TABLE generation (LIKE rival.generation INCLUDING ALL);
CREATE TABLE entry (LIKE rival.entry INCLUDING ALL);
CREATE OR REPLACE VIEW ledger AS SELECT * FROM entry;
