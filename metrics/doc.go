// Package metrics is the only place that names Prometheus metrics (text exposition format and native histograms): it follows the bridge's journal for what
// is counted and takes a snapshot at each scrape for what is measured. No label ever holds a PIN, a slot, or a person's name.
package metrics
