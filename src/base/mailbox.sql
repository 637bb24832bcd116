/*
 * mailbox.sql: which spellings of an address reach one mailbox (R47).
 */

CREATE FUNCTION commission_internal.mailbox(address text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN split_part(lower(address COLLATE "C"), '@', 2) = ANY (ARRAY[
		'gmail.com', 'googlemail.com', 'outlook.com', 'hotmail.com', 'live.com',
		'msn.com', 'yahoo.com', 'icloud.com', 'me.com', 'mac.com', 'proton.me',
		'protonmail.com', 'pm.me', 'fastmail.com', 'gmx.com', 'gmx.net', 'gmx.de'])
	THEN replace(split_part(split_part(
			lower(address COLLATE "C"), '@', 1), '+', 1), '.', '') || '@'
		|| replace(split_part(lower(address COLLATE "C"), '@', 2),
			'googlemail.com', 'gmail.com')
	ELSE lower(address COLLATE "C")
END;
COMMENT ON FUNCTION commission_internal.mailbox(text) IS
	'an e-mail address without what makes no difference to who reads it: upper case and, at the usual providers, dots and what follows a +; of any other text, lower case; NULL for NULL';
