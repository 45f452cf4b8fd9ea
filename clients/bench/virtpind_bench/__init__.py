# SPDX-License-Identifier: LGPL-2.1-or-later
"""What virtpind gives a guest, measured. Pure: gaps, estimates, schedule, metrics, results, table, chart, policy_words.
Effects: bus, guest, load, proc, perf, progress. One measurement each: tiny_guest, own_guest, linux_guest."""
