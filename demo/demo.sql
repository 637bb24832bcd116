/*
 * demo.sql
 *		The worked example of the programme, then a month of made-up sales on
 *		the screens that its users see.
 *
 * For an empty database, as a superuser:
 *
 *		psql -X -q -v ON_ERROR_STOP=1 -f demo/demo.sql demo
 *
 * ./dev demo runs it on a throwaway server.  The sales come from a seeded
 * generator, so only the dates differ from one day to the next.
 */
\pset footer off
\pset linestyle ascii
\pset border 1
\pset null ''

SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET max_parallel_workers_per_gather = 0;

CREATE EXTENSION commission;

\ir worked_example.sql
\ir month.sql
\ir screens.sql
