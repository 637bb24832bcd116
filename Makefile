# commission: commissions and creator earnings, kept in PostgreSQL.
#
#   make                 build against the pg_config in PATH
#   make install         install into that server
#   make installcheck    run the tests in sql/ and test/isolation/ on it
#   make prove_installcheck
#                        run the tests in test/t, on servers of their own
#   make COPT=-Werror    warnings are errors
#   make doc             write doc/reference.md
#   make typedefs        write typedefs.list
#   make dist            write commission-VERSION.zip, of HEAD, for PGXN
#
# Another server: make PG_CONFIG=/path/to/pg_config

PG_CONFIG ?= pg_config

EXTENSION = commission
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" \
	commission.control)

# The library: an object for each file, folder by folder.
MODULE_big = commission
PGFILEDESC = "commission - commissions and creator earnings"
OBJS = \
	src/commission.o \
	src/settings.o \
	src/base/amount.o \
	src/base/argument.o \
	src/base/attachment.o \
	src/base/columns.o \
	src/base/identifier.o \
	src/base/lookup.o \
	src/base/mask.o \
	src/base/ratio.o \
	src/base/shape.o \
	src/base/statement.o \
	src/ledger/append.o \
	src/ledger/checks.o \
	src/ledger/entry.o \
	src/ledger/event_id.o \
	src/catalogue/absence.o \
	src/catalogue/attach_catalogue.o \
	src/catalogue/listing.o \
	src/catalogue/mirror.o \
	src/catalogue/price.o \
	src/catalogue/resolve.o \
	src/catalogue/terms.o \
	src/sale/accrual.o \
	src/sale/accrual_input.o \
	src/sale/attach.o \
	src/sale/backfill.o \
	src/sale/compare.o \
	src/sale/follow.o \
	src/sale/generation.o \
	src/sale/generation_decide.o \
	src/sale/generation_defer.o \
	src/sale/generation_entries.o \
	src/sale/margin.o \
	src/sale/order.o \
	src/sale/order_decide.o \
	src/sale/late.o \
	src/sale/reversal.o \
	src/sale/unreferred.o \
	src/referral/signature.o \
	src/referral/token.o \
	src/referral/touch.o \
	src/payout/balance.o \
	src/portal/account.o \
	src/settled/row_bytes.o \
	src/settled/settle.o \
	src/screen/all_accounts.o \
	src/screen/planner.o \
	src/screen/rollup.o \
	src/screen/same_account.o

# The install script: the rooms in the order in which they need one another.
SQL_ROOMS = \
	src/header.sql \
	src/types.sql \
	src/settings.sql \
	src/base/argument.sql \
	src/base/identifier.sql \
	src/base/ratio.sql \
	src/sale/margin.sql \
	src/base/mask.sql \
	src/base/mailbox.sql \
	src/referral/token.sql \
	src/ledger/entry.sql \
	src/ledger/place.sql \
	src/catalogue/account.sql \
	src/catalogue/terms.sql \
	src/catalogue/price.sql \
	src/catalogue/listing.sql \
	src/catalogue/referral.sql \
	src/referral/attribution.sql \
	src/referral/touch.sql \
	src/referral/link.sql \
	src/referral/material.sql \
	src/sale/generation.sql \
	src/sale/generation_fact.sql \
	src/sale/reversal.sql \
	src/sale/unreferred.sql \
	src/sale/order.sql \
	src/sale/late.sql \
	src/sale/deferred.sql \
	src/payout/hold.sql \
	src/payout/address.sql \
	src/payout/withdrawal.sql \
	src/payout/payout.sql \
	src/payout/answer.sql \
	src/settled/settle.sql \
	src/screen/rollup.sql \
	src/screen/planner.sql \
	src/portal/account.sql \
	src/terms/announce.sql \
	src/terms/group.sql \
	src/terms/terms_of.sql \
	src/payout/adjustment.sql \
	src/referral/coupon.sql \
	src/screen/report.sql \
	src/screen/detail.sql \
	src/payout/balance.sql \
	src/terms/tier.sql \
	src/payout/exclusion.sql \
	src/settled/seal.sql \
	src/settled/follower.sql \
	src/payout/request.sql \
	src/payout/schedule.sql \
	src/screen/funnel.sql \
	src/catalogue/referral_signal.sql \
	src/referral/signup_signal.sql \
	src/sale/reversal_signal.sql \
	src/payout/destination_signal.sql \
	src/screen/fraud_signal.sql \
	src/sale/generation_step.sql \
	src/sale/order_step.sql \
	src/sale/late_step.sql \
	src/sale/reversal_step.sql \
	src/screen/explain.sql \
	src/screen/what_if.sql \
	src/catalogue/attach_catalogue.sql \
	src/sale/backfill.sql \
	src/sale/attach.sql \
	src/ledger/entry_problem.sql \
	src/sale/generation_problem.sql \
	src/sale/order_problem.sql \
	src/sale/late_problem.sql \
	src/terms/terms_problem.sql \
	src/sale/reversal_problem.sql \
	src/referral/referral_problem.sql \
	src/nodes/publication.sql \
	src/nodes/buyer.sql \
	src/nodes/node_problem.sql \
	src/screen/audit.sql \
	src/ledger/guard.sql \
	src/portal/sale.sql \
	src/portal/screen.sql \
	src/portal/statement.sql \
	src/portal/explain.sql \
	src/portal/terms.sql \
	src/portal/grant.sql \
	src/dump.sql \
	src/privileges.sql
INSTALL_SQL = $(EXTENSION)--$(EXTVERSION).sql
DATA_built = $(INSTALL_SQL)

# From each version to the next: the released scripts as they were built, and
# that to the working version, of which the delta is written by hand and
# recreate.pl adds whatever can be created again.
DATA = $(wildcard src/upgrade/$(EXTENSION)--*--*.sql)
DELTA = $(wildcard src/upgrade/$(EXTENSION)--*--$(EXTVERSION).delta)
UPGRADE = $(DELTA:src/upgrade/%.delta=%.sql)
DATA_built += $(UPGRADE)

# Tests: sql/NAME.sql with expected/NAME.out, each in a copy of a database that
# has the extension; and test/isolation/specs/NAME.spec with
# test/isolation/expected/NAME.out.  The databases are named after the module,
# so that two extensions can be tested on one server.
REGRESS = \
	settings \
	arithmetic \
	worked_example \
	catalogue \
	own_tables \
	generations \
	listings_shares \
	caps \
	self_pay \
	bundle_frames \
	replay \
	paid \
	row_decides \
	attach \
	backfill \
	roads \
	partitions \
	orders \
	orders_attach \
	subscription_year \
	terms \
	withdrawals \
	debts \
	holds \
	calendar \
	fraud \
	constraints \
	attribution_story \
	late \
	clicks \
	deferred \
	guards \
	audit \
	seals \
	followers \
	appender \
	month \
	nodes \
	acl \
	hostile \
	odd_settings \
	portal \
	portal_hostile \
	portal_session \
	uninstall \
	reading
REGRESS_OPTS = --load-extension=$(EXTENSION) --launcher='$(srcdir)/test/lib/fresh'
ISOLATION = \
	start_afresh \
	first_order \
	order_refund \
	attribution_race \
	late_race \
	terms_race \
	deferred_race \
	new_account_race \
	touch_concurrent \
	same_generation \
	attached_ddl \
	reinstall \
	backfill \
	own_tables \
	paid_and_refund \
	withdrawals \
	rollup \
	holds \
	follower
ISOLATION_OPTS = --inputdir=test/isolation
USE_MODULE_DB = 1
PROVE_TESTS = test/t/*.t

# PostgreSQL's own headers and its call-backs (GUC check hooks, for one) have
# parameters that go unused.  The rest is for clang, which does not know the
# gnu_printf attribute of PostgreSQL's headers, nor every flag of the gcc that
# a packaged PostgreSQL was built with.
PG_CPPFLAGS = -I$(srcdir)/src
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter $(CLANG_CFLAGS)
CLANG_CFLAGS = $(if $(findstring clang,$(shell $(CC) --version)),\
	-Wno-ignored-attributes \
	-Wno-unknown-warning-option \
	-Wno-ignored-optimization-argument)

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
PG_PROVE_FLAGS += -I test/lib

prove_installcheck: export TEMP_CONFIG = $(abspath test/server.conf)
prove_installcheck:
	$(prove_installcheck)

# Every object is rebuilt when any header changes; they are small.
$(OBJS) $(OBJS:.o=.bc): $(wildcard src/*.h src/*/*.h)

# A change of the version or of the order is a change of the script.
$(INSTALL_SQL): $(SQL_ROOMS) commission.control Makefile
	cat $(SQL_ROOMS) > $@

$(UPGRADE): $(DELTA) $(INSTALL_SQL) src/upgrade/recreate.pl
	perl src/upgrade/recreate.pl $(DELTA) $(INSTALL_SQL) > $@

# The reference, from the comments of the objects.  It needs a server on which
# this version is installed, and leaves nothing there.
.PHONY: doc
doc:
	psql -X -q -At -v ON_ERROR_STOP=1 -f doc/reference.sql > doc/reference.new && \
		mv doc/reference.new doc/reference.md

# Our types, for pgindent; it has a list of PostgreSQL's.
typedefs:
	sed -nE -e 's/^(} |typedef [^{]* )([A-Z][A-Za-z]+);$$/\2/p' \
		-e 's/^#define SH_PREFIX[[:space:]]+(.*)/\1_hash/p' src/*.[ch] src/*/*.[ch] | \
		LC_ALL=C sort -u > typedefs.list

# The archive that PGXN takes; .gitattributes says what is left out.
dist:
	git archive --format=zip --prefix=$(EXTENSION)-$(EXTVERSION)/ \
		--output=$(EXTENSION)-$(EXTVERSION).zip HEAD

.PHONY: prove_installcheck typedefs dist

.DELETE_ON_ERROR:
