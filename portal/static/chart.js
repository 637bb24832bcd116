/*
 * chart.js: draws a table of earnings by day as stacked bars.  The table has
 * the figures and the words, so nothing is said twice.
 */
'use strict';

const COLOURS = ['#4338ca', '#0f766e', '#b45309', '#64748b'];

for (const table of document.querySelectorAll('table[data-chart]')) {
	const rows = [...table.tBodies[0].rows];
	const heads = [...table.tHead.rows[0].cells].slice(1);
	const credits = (row, i) => Number(row.cells[i + 1].dataset.credits);

	new Chart(document.getElementById(table.dataset.chart), {
		type: 'bar',
		data: {
			labels: rows.map((row) => row.cells[0].textContent),
			datasets: heads
				.map((head, i) => ({
					label: head.textContent,
					data: rows.map((row) => credits(row, i) / 100),
					backgroundColor: COLOURS[i],
				}))
				.filter((set, i) => i < 2 || set.data.some((amount) => amount !== 0)),
		},
		options: {
			animation: false,
			maintainAspectRatio: false,
			interaction: { mode: 'index', intersect: false },
			scales: {
				x: { stacked: true, grid: { display: false }, ticks: { maxRotation: 0, autoSkipPadding: 16 } },
				y: { stacked: true, ticks: { callback: (value) => `$${value}` } },
			},
			plugins: {
				legend: { position: 'bottom', labels: { boxWidth: 12 } },
				tooltip: { callbacks: { label: (item) => `${item.dataset.label}: $${item.parsed.y.toFixed(2)}` } },
			},
		},
	});
}
