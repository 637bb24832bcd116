/*
 * commission--0.1.0--0.2.0.sql: from 0.1.0 to 0.2.0.
 *
 * A section for each room that has changed, in the order of the install
 * script, with what is new or other in it and nothing else.
 */

\echo Use "ALTER EXTENSION commission UPDATE TO '0.2.0'" to load this file. \quit

SET LOCAL search_path TO pg_catalog, pg_temp;
