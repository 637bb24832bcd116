# commission: commissions and creator earnings, kept in PostgreSQL.
#
#   make                 build against the pg_config in PATH
#   make install         install into that server
#   make installcheck    run the tests in sql/ and test/isolation/ on it
#   make COPT=-Werror    warnings are errors
#
# Another server: make PG_CONFIG=/path/to/pg_config

PG_CONFIG ?= pg_config

EXTENSION = commission
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" \
	commission.control)

# The library: one object per room.
MODULE_big = commission
PGFILEDESC = "commission - commissions and creator earnings"
OBJS = \
	src/commission.o \
	src/settings.o \
	src/ratio.o \
	src/margin.o \
	src/legs.o \
	src/shares.o \
	src/mask.o \
	src/signature.o \
	src/token.o \
	src/identifier.o \
	src/lookup.o \
	src/checks.o \
	src/append.o \
	src/ledger.o \
	src/statement.o \
	src/catalogue.o \
	src/listing.o \
	src/referral.o \
	src/attribution.o \
	src/touch.o \
	src/link.o \
	src/material.o \
	src/price.o \
	src/resolve.o \
	src/columns.o \
	src/accrual.o \
	src/accrual_door.o \
	src/generation_decide.o \
	src/compare.o \
	src/generation_compare.o \
	src/generation.o \
	src/generation_door.o \
	src/order.o \
	src/order_door.o \
	src/attach.o \
	src/reversal.o \
	src/withdrawal_state.o \
	src/withdrawal.o \
	src/payout.o \
	src/payout_result.o \
	src/balance.o \
	src/rollup.o \
	src/report.o \
	src/privileges.o

# The install script: the rooms in the order in which they need one another.
SQL_ROOMS = \
	src/header.sql \
	src/types.sql \
	src/identifier.sql \
	src/ratio.sql \
	src/margin.sql \
	src/legs.sql \
	src/shares.sql \
	src/mask.sql \
	src/token.sql \
	src/ledger.sql \
	src/catalogue.sql \
	src/listing.sql \
	src/referral.sql \
	src/attribution.sql \
	src/touch.sql \
	src/link.sql \
	src/material.sql \
	src/generation.sql \
	src/reversal.sql \
	src/order.sql \
	src/withdrawal.sql \
	src/payout.sql \
	src/rollup.sql \
	src/report.sql \
	src/balance.sql \
	src/funnel.sql \
	src/explain.sql \
	src/what_if.sql \
	src/attach.sql \
	src/audit.sql \
	src/privileges.sql \
	src/dump.sql
DATA_built = commission--$(EXTVERSION).sql

# From each version to the next.  Whatever the rooms above come to create, or
# to create otherwise, goes into the newest of these, too; test/t/upgrade.t sees
# what was forgotten.
DATA = $(wildcard src/upgrade/$(EXTENSION)--*--*.sql)

# Tests: sql/NAME.sql with expected/NAME.out, and test/isolation/specs/NAME.spec
# with test/isolation/expected/NAME.out.  The databases are named after the
# module, so that two extensions can be tested on one server.
REGRESS = \
	settings \
	arithmetic \
	worked_example \
	catalogue \
	generations \
	listings_shares \
	caps \
	self_pay \
	bundle_frames \
	replay \
	paid \
	attach \
	roads \
	partitions \
	orders \
	orders_attach \
	subscription_year \
	withdrawals \
	constraints \
	attribution_story \
	guards \
	audit \
	appender \
	month \
	acl \
	hostile \
	uninstall \
	reading
ISOLATION = \
	first_order \
	order_refund \
	attribution_race \
	touch_concurrent \
	same_generation \
	attached_ddl \
	reinstall \
	paid_and_refund \
	withdrawals \
	rollup
ISOLATION_OPTS = --inputdir=test/isolation
USE_MODULE_DB = 1

# PostgreSQL's own headers and its call-backs (GUC check hooks, for one) have
# parameters that go unused.  The rest is for clang, which does not know the
# gnu_printf attribute of PostgreSQL's headers, nor every flag of the gcc that
# a packaged PostgreSQL was built with.
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter $(CLANG_CFLAGS)
CLANG_CFLAGS = $(if $(findstring clang,$(shell $(CC) --version)),\
	-Wno-ignored-attributes \
	-Wno-unknown-warning-option \
	-Wno-ignored-optimization-argument)

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Every object is built anew when any header changes; they are small.
$(OBJS) $(OBJS:.o=.bc): $(wildcard src/*.h)

# A change of the version or of the order is a change of the script.
$(DATA_built): $(SQL_ROOMS) commission.control Makefile
	cat $(SQL_ROOMS) > $@

.DELETE_ON_ERROR:
