/*
 * application.sql: the same work by the application, statement by statement,
 * in script/application.pgbench; here are only its tables.
 */
\ir tables.sql
