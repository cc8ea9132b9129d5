package metrics

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// selector is a metric with the label names of its matchers, as it stands in a query.
type selector struct {
	name   string
	labels map[string][]string // values that are compared for equality or with a list of alternatives
}

var (
	selectorRE = regexp.MustCompile(`\b([a-zA-Z_][a-zA-Z0-9_:]*)(?:\s*\{([^}]*)\})?`)
	matcherRE  = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"([^"]*)"`)
	groupingRE = regexp.MustCompile(`\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
)

// words that stand in queries and are no metrics.
var promqlWords = map[string]bool{"sum": true, "rate": true, "increase": true, "histogram_quantile": true, "avg_over_time": true, "count": true, "changes": true, "time": true,
	"and": true, "or": true, "unless": true, "max": true, "min": true, "avg": true, "label_values": true, "lock": true}

// selectors takes a query apart, as far as names and matchers go.
func selectors(query string) (out []selector, grouped []string) {
	for _, g := range groupingRE.FindAllStringSubmatch(query, -1) {
		for l := range strings.SplitSeq(g[2], ",") {
			grouped = append(grouped, strings.TrimSpace(l))
		}
	}
	query = groupingRE.ReplaceAllString(query, " ")
	query = regexp.MustCompile(`\[[^\]]*\]`).ReplaceAllString(query, " ")
	query = regexp.MustCompile(`\b\d[\w.]*`).ReplaceAllString(query, " ")
	for _, m := range selectorRE.FindAllStringSubmatch(query, -1) {
		if promqlWords[m[1]] {
			continue
		}
		s := selector{m[1], map[string][]string{}}
		for _, l := range matcherRE.FindAllStringSubmatch(m[2], -1) {
			var values []string
			if !strings.Contains(l[3], "$") {
				values = strings.Split(l[3], "|")
			}
			s.labels[l[1]] = append(s.labels[l[1]], values...)
		}
		out = append(out, s)
	}
	return out, grouped
}

// dashboardQueries are all queries of a dashboard, with where each stands.
func dashboardQueries(t *testing.T, path string) map[string]string {
	t.Helper()
	var d struct {
		ID         any    `json:"id"`
		UID        string `json:"uid"`
		Templating struct {
			List []struct{ Name, Definition string }
		}
		Panels []struct {
			ID         int
			Title      string
			Datasource struct{ UID string }
			Type       string
			Targets    []struct {
				Expr       string
				RefID      string
				Datasource struct{ UID string }
			}
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	if d.ID != nil || d.UID == "" {
		t.Errorf("id %v, uid %q: a dashboard that is provisioned has no id and a fixed uid", d.ID, d.UID)
	}
	out := map[string]string{}
	for _, v := range d.Templating.List {
		if v.Definition != "" {
			out["variable "+v.Name] = v.Definition
		}
	}
	ids := map[int]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("panel id %d comes twice", p.ID)
		}
		ids[p.ID] = true
		if p.Type == "row" {
			continue
		}
		if p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("%s: data source %q, %d queries", p.Title, p.Datasource.UID, len(p.Targets))
		}
		for _, q := range p.Targets {
			out[p.Title+" "+q.RefID] = q.Expr
			if q.Datasource.UID != "${datasource}" {
				t.Errorf("%s: data source %q", p.Title, q.Datasource.UID)
			}
			if (strings.Contains(q.Expr, "rate(") || strings.Contains(q.Expr, "increase(")) && !strings.Contains(q.Expr, "[$__rate_interval]") {
				t.Errorf("%s: a rate without $__rate_interval", p.Title)
			}
		}
	}
	return out
}

var exprRE = regexp.MustCompile(`(?m)^\s*(?:- )?(record|alert): (\S+)\n\s*expr: (?:\|\n((?:\s{10,}.*\n)+)|(.*)\n)`)

// ruleQueries are all queries of a rule file, by name, and the names of its recording rules.
func ruleQueries(t *testing.T, path string) (queries map[string]string, recorded map[string]bool) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	queries, recorded = map[string]string{}, map[string]bool{}
	for _, m := range exprRE.FindAllStringSubmatch(string(b), -1) {
		queries[m[2]] = m[3] + m[4]
		recorded[m[2]] = m[1] == "record"
	}
	if n := strings.Count(string(b), "expr:"); n != len(queries) {
		t.Fatalf("%d of %d rules were read", len(queries), n)
	}
	return queries, recorded
}

// TestQueries: every metric, label and label value that dashboards and rules ask for is there in the live registry, with runtime metrics and up beside it.
func TestQueries(t *testing.T) {
	configs := filepath.Join("..", "configs")
	queries, recorded := ruleQueries(t, filepath.Join(configs, "prometheus", "latchkey.rules.yaml"))
	dashboards, err := filepath.Glob(filepath.Join(configs, "grafana", "dashboards", "*.json"))
	if err != nil || len(dashboards) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	for _, path := range dashboards {
		for where, q := range dashboardQueries(t, path) {
			queries[filepath.Base(path)+": "+where] = q
		}
	}
	if len(queries) < 40 {
		t.Errorf("only %d queries", len(queries))
	}
	live := map[string]map[string]map[string]bool{"up": {}} // metric → label → values
	run(t, true, func(e *Exporter, _ *fakeBridge) {
		families, err := e.reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			labels := map[string]map[string]bool{}
			for _, m := range f.GetMetric() {
				for _, l := range m.GetLabel() {
					if labels[l.GetName()] == nil {
						labels[l.GetName()] = map[string]bool{}
					}
					labels[l.GetName()][l.GetValue()] = true
				}
			}
			live[f.GetName()] = labels
			if f.GetMetric()[0].GetHistogram() != nil {
				for _, suffix := range []string{"_bucket", "_sum", "_count"} {
					live[f.GetName()+suffix] = labels
				}
			}
		}
	})
	for where, q := range queries {
		used, grouped := selectors(q)
		if len(used) == 0 {
			t.Errorf("%s asks for nothing: %s", where, q)
		}
		for _, s := range used {
			if recorded[s.name] {
				continue
			}
			labels, ok := live[s.name]
			if !ok {
				t.Errorf("%s: there is no metric %s", where, s.name)
				continue
			}
			for l, values := range s.labels {
				if l == "job" || l == "instance" {
					continue
				}
				if labels[l] == nil {
					t.Errorf("%s: %s has no label %s", where, s.name, l)
					continue
				}
				for _, v := range values {
					if v != "" && !labels[l][v] {
						t.Errorf("%s: %s{%s=%q} never exists", where, s.name, l, v)
					}
				}
			}
			for _, l := range grouped {
				if l != "le" && l != "instance" && l != "job" && labels[l] == nil && len(used) == 1 {
					t.Errorf("%s: grouped by %s, which %s does not have", where, l, s.name)
				}
			}
		}
	}
}

// TestSelectorScan: the scan above sees what it must see.
func TestSelectorScan(t *testing.T) {
	got, grouped := selectors(`histogram_quantile(0.95, sum by (a, le) (rate(x_bucket{stage="total", lock=~"$lock"}[5m]))) / on (b) 2e3 * y:z and time() - w{v=~"p|q"} > 8 * 86400`)
	if len(got) != 3 || got[0].name != "x_bucket" || got[1].name != "y:z" || got[2].name != "w" || len(got[2].labels["v"]) != 2 || len(got[0].labels) != 2 {
		t.Errorf("%+v", got)
	}
	if len(grouped) != 3 {
		t.Errorf("%v", grouped)
	}
}
