/*
 * time.js: times in the reader's own time zone, which only the browser knows.
 */
'use strict';

function showTimes(root) {
	const format = new Intl.DateTimeFormat(document.documentElement.lang,
		{ dateStyle: 'medium', timeStyle: 'short' });

	for (const time of root.querySelectorAll('time')) {
		time.title = time.dateTime;
		time.textContent = format.format(new Date(time.dateTime));
	}
	for (const zone of root.querySelectorAll('[data-zone]'))
		zone.textContent = format.resolvedOptions().timeZone;
}

showTimes(document);
