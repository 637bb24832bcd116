/*
 * tabs.js: brings the tab of this page into view, where they are too many for
 * the width of a telephone.
 */
'use strict';

const tab = document.querySelector('.tabs [aria-current]');
if (tab)
	tab.parentElement.parentElement.scrollLeft = tab.offsetLeft - 60;
