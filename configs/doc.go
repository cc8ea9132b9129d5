// Package configs is the configuration: one strict YAML 1.2 file in which every key is optional, its defaults, the reference file that shows them all, and
// the dashboards and rules that go with the metrics.
package configs
