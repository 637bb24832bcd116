/*
 * settings.c
 *		The programme's settings (GUCs).
 *
 * All that move money are PGC_SUSET: an ordinary role cannot raise its own
 * rate.  A ratio is a string setting whose check hook parses the decimal text
 * exactly (R2) and hands the parts per million to the assign hook; the server
 * keeps the text for SHOW.  The C variables are read at the moment of use, so
 * that a reload reaches the next sale of a live session (R15).
 */
#include "commission.h"

#include <limits.h>

#include "access/parallel.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/ratio.h"
#include "compat.h"
#include "settings.h"

#define PORTAL_ACCOUNT	"commission.portal_account"

PG_FUNCTION_INFO_V1(commission_portal_setting);
PG_FUNCTION_INFO_V1(commission_setting);
PG_FUNCTION_INFO_V1(commission_use_setting);

int32		settings_brand_ratio_ppm;
int32		settings_creator_ref_ratio_ppm;
int32		settings_first_order_ratio_ppm;
int32		settings_platform_markup_ratio_ppm;
int32		settings_renewal_ratio_ppm;
int32		settings_signal_refund_ratio_ppm;
int32		settings_total_cap_ratio_ppm;
int32		settings_upgrade_ratio_ppm;
int32		settings_upgraded_renewal_ratio_ppm;

int			settings_address_pause_days;
int			settings_attribution_window_days;
int			settings_brand_referral_window_days;
char	   *settings_cref_secret;
char	   *settings_cref_secret_previous;
int			settings_hold_days;
bool		settings_marketplace_only;
int			settings_minimum_payout;
int			settings_minimum_pool;
int			settings_node_id;
int			settings_notice_days;
int			settings_on_unknown;
int			settings_signal_burst_minutes;
int			settings_signal_burst_signups;
int			settings_signal_days;
int			settings_signal_refunds;
int			settings_signal_signup_seconds;

/* For portal_setting() alone. */
static char *settings_portal_account;

static const struct config_enum_entry on_unknown_values[] = {
	{"error", ON_UNKNOWN_ERROR, false},
	{"defer", ON_UNKNOWN_DEFER, false},
	{NULL, 0, false}
};

/* What a ratio setting is made of; the text is the server's to keep. */
typedef struct RatioSetting
{
	const char *name;
	const char *description;
	const char *boot_text;
	int32		max_ppm;
	int32	   *ratio_ppm;
	char	   *text;
	GucStringCheckHook check_hook;
	GucStringAssignHook assign_hook;
} RatioSetting;

/*
 * Check hook of the ratio settings: *extra carries the parsed value to the
 * assign hook.
 */
static bool
settings_check_ratio_max(char **newval, void **extra, int32 max_ppm)
{
	int32	   *ratio_ppm = compat_guc_alloc(sizeof(int32));

	if (ratio_ppm == NULL)
		return false;
	if (!ratio_parse(*newval, max_ppm, ratio_ppm))
	{
		compat_guc_free(ratio_ppm);
		GUC_check_errdetail("A ratio is a decimal from 0 to %d with at most %d fractional digits, such as 0.30.",
							max_ppm / RATIO_PPM_ONE, RATIO_FRACTION_DIGITS);
		return false;
	}
	*extra = ratio_ppm;
	return true;
}

/*
 * A share of the platform's money: 0 to 1.
 */
static bool
settings_check_ratio(char **newval, void **extra, GucSource source)
{
	return settings_check_ratio_max(newval, extra, RATIO_PPM_MAX);
}

/*
 * The same, or empty: there is none.
 */
static bool
settings_check_ratio_or_none(char **newval, void **extra, GucSource source)
{
	if (**newval != '\0')
		return settings_check_ratio(newval, extra, source);
	*extra = compat_guc_alloc(sizeof(int32));
	if (*extra == NULL)
		return false;
	*(int32 *) *extra = RATIO_NONE;
	return true;
}

/*
 * The markup on a pool: 0 to 10.
 */
static bool
settings_check_markup(char **newval, void **extra, GucSource source)
{
	return settings_check_ratio_max(newval, extra, MARKUP_PPM_MAX);
}

/*
 * Assign hooks: guc.c passes no hint of which setting is meant, hence one for
 * each.
 */
#define RATIO_ASSIGN_HOOK(setting) \
static void \
settings_assign_##setting(const char *newval, void *extra) \
{ \
	settings_##setting##_ppm = *(int32 *) extra; \
}

RATIO_ASSIGN_HOOK(brand_ratio)
RATIO_ASSIGN_HOOK(creator_ref_ratio)
RATIO_ASSIGN_HOOK(first_order_ratio)
RATIO_ASSIGN_HOOK(platform_markup_ratio)
RATIO_ASSIGN_HOOK(renewal_ratio)
RATIO_ASSIGN_HOOK(signal_refund_ratio)
RATIO_ASSIGN_HOOK(total_cap_ratio)
RATIO_ASSIGN_HOOK(upgrade_ratio)
RATIO_ASSIGN_HOOK(upgraded_renewal_ratio)

#define RATIO_SETTING(setting, description, boot_text, max_ppm, check_hook) \
	{"commission." #setting, description, boot_text, max_ppm, \
	 &settings_##setting##_ppm, NULL, check_hook, settings_assign_##setting}

static RatioSetting ratio_settings[] = {
	RATIO_SETTING(brand_ratio,
				  "Share of net margin for the buyer's referrer.",
				  "0.30", RATIO_PPM_MAX, settings_check_ratio),
	RATIO_SETTING(creator_ref_ratio,
				  "Share of net margin for the referrer of a listing's owner.",
				  "0.20", RATIO_PPM_MAX, settings_check_ratio),
	RATIO_SETTING(first_order_ratio,
				  "Share of a referred customer's first order.",
				  "0.15", RATIO_PPM_MAX, settings_check_ratio),
	RATIO_SETTING(platform_markup_ratio,
				  "What the buyer pays on top of a listing's pool, as a share of the pool.",
				  "0.20", MARKUP_PPM_MAX, settings_check_markup),
	RATIO_SETTING(renewal_ratio,
				  "Share of a referred customer's renewal.",
				  "0.08", RATIO_PPM_MAX, settings_check_ratio),
	RATIO_SETTING(signal_refund_ratio,
				  "Share of a referrer's commission that refunds took back, for fraud_signal to show it.",
				  "0.30", RATIO_PPM_MAX, settings_check_ratio),
	RATIO_SETTING(total_cap_ratio,
				  "Largest share of net margin that all legs of one generation take together.",
				  "0.50", RATIO_PPM_MAX, settings_check_ratio),
	RATIO_SETTING(upgrade_ratio,
				  "Share of a referred customer's upgrade.",
				  "0.10", RATIO_PPM_MAX, settings_check_ratio),
	RATIO_SETTING(upgraded_renewal_ratio,
				  "Share of a referred customer's renewal after an upgrade; empty: as of any renewal.",
				  "", RATIO_PPM_MAX, settings_check_ratio_or_none),
};

/*
 * Check hook of the secrets.  It refuses nothing, since guc.c would repeat a
 * refused value in its message; a secret that is too short is refused when
 * something is to be signed with it (R27).  A secret in pg_db_role_setting
 * can be read by every user, hence the warning; PGC_S_TEST is ALTER DATABASE
 * or ALTER ROLE itself.  A parallel worker only takes over what its leader
 * was warned of.
 */
static bool
settings_check_secret(char **newval, void **extra, GucSource source)
{
	if (**newval != '\0' && !InitializingParallelWorker &&
		(source == PGC_S_TEST || source == PGC_S_GLOBAL ||
		 source == PGC_S_DATABASE || source == PGC_S_USER ||
		 source == PGC_S_DATABASE_USER))
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("a secret set for a database or role can be read by every user"),
				 errdetail("Settings of databases and roles are kept in pg_db_role_setting, which is readable by all."),
				 errhint("Set it in postgresql.conf or with ALTER SYSTEM, and let shared_preload_libraries name commission, so that it is hidden from the start of every session.")));
	return true;
}

/*
 * The ratios, which are all alike.
 */
static void
settings_define_ratios(void)
{
	for (int i = 0; i < (int) lengthof(ratio_settings); i++)
	{
		RatioSetting *setting = &ratio_settings[i];

		DefineCustomStringVariable(setting->name, setting->description, NULL,
								   &setting->text, setting->boot_text,
								   PGC_SUSET, 0, setting->check_hook,
								   setting->assign_hook, NULL);
	}
}

/*
 * A setting that is a whole number.
 */
static void
settings_define_int(const char *name, const char *description, int *variable,
					int boot_value, int min, int max)
{
	DefineCustomIntVariable(name, description, NULL, variable, boot_value,
							min, max, PGC_SUSET, 0, NULL, NULL, NULL);
}

/*
 * A secret: empty, and shown to superusers only.
 */
static void
settings_define_secret(const char *name, const char *description,
					   char **variable)
{
	DefineCustomStringVariable(name, description, NULL, variable, "",
							   PGC_SUSET, GUC_SUPERUSER_ONLY,
							   settings_check_secret, NULL, NULL);
}

/*
 * The thresholds of fraud_signal.
 */
static void
settings_define_signals(void)
{
	settings_define_int("commission.signal_burst_minutes",
						"Minutes within which sign-ups are a burst.",
						&settings_signal_burst_minutes, 10, 1, 366 * 24 * 60);
	settings_define_int("commission.signal_burst_signups",
						"Sign-ups of one referrer that are a burst.",
						&settings_signal_burst_signups, 20, 2, INT_MAX);
	settings_define_int("commission.signal_days",
						"Days that fraud_signal looks back; 0 is without bound.",
						&settings_signal_days, 30, 0, WINDOW_DAYS_MAX);
	settings_define_int("commission.signal_refunds",
						"Refunded sales of one referrer, for fraud_signal to show their share.",
						&settings_signal_refunds, 3, 1, INT_MAX);
	settings_define_int("commission.signal_signup_seconds",
						"Seconds from a click within which a sign-up is quick.",
						&settings_signal_signup_seconds, 10, 0, INT_MAX);
}

/*
 * Define all settings and reserve the prefix, so that a misspelt name is
 * refused.
 */
void
settings_init(void)
{
	settings_define_ratios();

	settings_define_int("commission.address_pause_days",
						"Days for which a change of its payout address stops an account's payouts.",
						&settings_address_pause_days, 0, 0, WINDOW_DAYS_MAX);
	settings_define_int("commission.attribution_window_days",
						"Days for which a first touch can be completed by a sign-up.",
						&settings_attribution_window_days,
						30, 1, WINDOW_DAYS_MAX);
	settings_define_int("commission.brand_referral_window_days",
						"Days after attribution for which the brand leg is paid; 0 is for life.",
						&settings_brand_referral_window_days,
						0, 0, WINDOW_DAYS_MAX);
	settings_define_secret("commission.cref_secret",
						   "Key under which referral tokens are signed.",
						   &settings_cref_secret);
	settings_define_secret("commission.cref_secret_previous",
						   "Former key, under which referral tokens are still accepted.",
						   &settings_cref_secret_previous);
	settings_define_int("commission.hold_days",
						"Days for which earnings cannot be withdrawn yet.",
						&settings_hold_days, 0, 0, WINDOW_DAYS_MAX);
	DefineCustomBoolVariable("commission.marketplace_only",
							 "Whether only generations that use a listing earn commission.",
							 NULL, &settings_marketplace_only, true,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	settings_define_int("commission.minimum_payout",
						"Smallest withdrawal, in credits; 0 is no minimum.",
						&settings_minimum_payout, 5000, 0, INT_MAX);
	settings_define_int("commission.minimum_pool",
						"Smallest pool of a listing, in credits.",
						&settings_minimum_pool, 83, 1, INT_MAX);
	settings_define_int("commission.node_id",
						"This machine's number in the event ids of a ledger that spans several.",
						&settings_node_id, 0, 0, NODE_ID_MAX);
	settings_define_int("commission.notice_days",
						"Days before which terms that lower anything for anybody must be announced.",
						&settings_notice_days, 0, 0, WINDOW_DAYS_MAX);
	settings_define_signals();

	DefineCustomEnumVariable("commission.on_unknown",
							 "What becomes of a sale whose listing or model price is not known: refused, or deferred until it is.",
							 NULL, &settings_on_unknown, ON_UNKNOWN_ERROR,
							 on_unknown_values, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable(PORTAL_ACCOUNT,
							   "Account whose rows schema commission_portal shows in this transaction, to roles with grant_portal.",
							   NULL, &settings_portal_account, "",
							   PGC_USERSET, 0, NULL, NULL, NULL);

	MarkGUCPrefixReserved(COMMISSION_SCHEMA);
}

/*
 * setting(name text): a setting as it is in force.  current_setting() would
 * not do: before the library is loaded it gives a placeholder's text, or
 * nothing.
 */
Datum
commission_setting(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const char *value = GetConfigOption(psprintf("%s.%s", COMMISSION_SCHEMA, name),
										false, true);

	PG_RETURN_TEXT_P(cstring_to_text(value));
}

/*
 * portal_setting(): the account that the transaction has named (R50).  What an
 * earlier transaction left behind has no former value to go back to: it names
 * nobody, so that a pooled connection never shows one user another's rows.
 */
Datum
commission_portal_setting(PG_FUNCTION_ARGS)
{
	if (compat_find_option(PORTAL_ACCOUNT)->stack == NULL ||
		*settings_portal_account == '\0')
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(settings_portal_account));
}

/*
 * use_setting(name text, value text): GUC_ACTION_SAVE restores the former value
 * with the caller's nest level.  The caller runs as the extension's owner, who
 * need not be a superuser any more.
 */
Datum
commission_use_setting(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));

	(void) set_config_option(psprintf("%s.%s", COMMISSION_SCHEMA, name),
							 text_to_cstring(PG_GETARG_TEXT_PP(1)),
							 PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE,
							 true, 0, false);
	PG_RETURN_VOID();
}
