/*
 * settings.h
 *		The programme's settings, as C variables.
 */
#ifndef SETTINGS_H
#define SETTINGS_H

/* R27: a shorter secret signs nothing. */
#define CREF_SECRET_MIN_BYTES	32

/* The widest window that a number of days can name: a century. */
#define WINDOW_DAYS_MAX			36525

/* event_id is node_id * 2^48 + sequence: 15 bits are left for the node. */
#define NODE_ID_MAX				32767
#define NODE_ID_SHIFT			48

/* R38: what becomes of a sale whose listing or price is not known. */
typedef enum OnUnknown
{
	ON_UNKNOWN_ERROR,
	ON_UNKNOWN_DEFER
} OnUnknown;

/* Ratios, parsed from their decimal text when they were set. */
extern int32 settings_brand_ratio_ppm;
extern int32 settings_creator_ref_ratio_ppm;
extern int32 settings_first_order_ratio_ppm;
extern int32 settings_platform_markup_ratio_ppm;
extern int32 settings_renewal_ratio_ppm;
extern int32 settings_signal_refund_ratio_ppm;
extern int32 settings_total_cap_ratio_ppm;
extern int32 settings_upgrade_ratio_ppm;
extern int32 settings_upgraded_renewal_ratio_ppm;	/* RATIO_NONE: not set */

extern int	settings_address_pause_days;
extern int	settings_attribution_window_days;
extern int	settings_brand_referral_window_days;
extern char *settings_cref_secret;
extern char *settings_cref_secret_previous;
extern int	settings_hold_days;
extern bool settings_marketplace_only;
extern int	settings_on_unknown;
extern int	settings_minimum_payout;
extern int	settings_minimum_pool;
extern int	settings_node_id;
extern int	settings_notice_days;
extern int	settings_signal_burst_minutes;
extern int	settings_signal_burst_signups;
extern int	settings_signal_days;
extern int	settings_signal_refunds;
extern int	settings_signal_signup_seconds;

extern void settings_init(void);

#endif							/* SETTINGS_H */
