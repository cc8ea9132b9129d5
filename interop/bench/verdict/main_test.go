package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// printed is what a run prints if every figure is its target times by, and every peer's that many times ours.
func printed(by, peer float64) string {
	var b strings.Builder
	for _, t := range targets {
		fmt.Fprintf(&b, "Benchmark%s-2   \t       1\t  %g %s\t 0 errors\n", t.bench, t.most*by, t.metric)
	}
	for _, r := range races {
		k := peer
		if r.more {
			k = 1 / peer
		}
		fmt.Fprintf(&b, "Benchmark%s/latchkey-2 \t 10 \t 2 %s\n", r.bench, r.metric)
		for _, p := range peers {
			fmt.Fprintf(&b, "Benchmark%s/%s-2 \t 10 \t %g %s\t 3 errors\n", r.bench, p, 2*k, r.metric)
		}
	}
	return b.String()
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name          string
		in            string
		short, behind int
		missing       int
		failed        bool
	}{
		{"all within", printed(1, 1.1), 0, 0, 0, false},
		{"all short", printed(1.01, 1), len(targets), len(races), 0, false},
		{"nothing", "", 0, 0, len(targets) + len(races), false},
		{"medians", printed(3, 1.5) + printed(0.5, 1.5) + printed(0.9, 1.5), 0, 0, 0, false},
		{"a failure", printed(1, 2) + "--- FAIL: BenchmarkStart\nFAIL\n", 0, 0, 0, true},
		{"a peer that is not there", strings.ReplaceAll(printed(1, 2), "hap-nodejs", "other"), 0, 0, len(races), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, failed, err := read(strings.NewReader(c.in))
			if err != nil || failed != c.failed {
				t.Fatal(failed, err)
			}
			var out bytes.Buffer
			missing := judge(&out, g)
			if n := strings.Count(out.String(), "**short**"); n != c.short {
				t.Errorf("%d short\n%s", n, &out)
			}
			if n := strings.Count(out.String(), "**behind**"); n != c.behind {
				t.Errorf("%d behind\n%s", n, &out)
			}
			if len(missing) != c.missing {
				t.Errorf("missing: %q", missing)
			}
			if c.missing == 0 && !strings.Contains(out.String(), "(3 errors)") {
				t.Error("a peer's errors are not said")
			}
		})
	}
}
