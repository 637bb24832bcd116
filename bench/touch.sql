-- touch.sql
--		Page views of a storefront (R26): one visitor in two comes by a link for
--		the first time, the other has the cookie of a first touch already.
--
-- For pgbench -M prepared -n -f touch.sql, as a role that touch() is granted
-- to, with commission.cref_secret set in the server, and accounts that were
-- registered as 1 to 1000 (-D accounts=1000).

\set first random(1, :accounts)
\set second random(1, :accounts)
\set campaign random(1, 20)
SELECT commission.touch(:first::text, NULL, :campaign::text, '/listing/4711') AS cookie \gset
SELECT commission.touch(:second::text, :cookie, :campaign::text, '/listing/4712');
