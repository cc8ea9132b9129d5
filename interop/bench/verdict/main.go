// Command verdict reads what `go test -bench` printed and says, row by row, what was aimed at and what was measured. It ends with code 1 if a row is missing
// or a benchmark failed; a figure that falls short is reported as short, and left to people.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// target is what a figure is held against.
type target struct {
	bench, metric string
	most          float64
	says          string
}

var targets = []target{
	{"WriteToLine/locks=1/tcp", "p50-ms", 0.4, "write → bytes on the line, 1 lock, TCP, p50 ms"},
	{"WriteToLine/locks=1/tcp", "p99-ms", 1.5, "… p99 ms"},
	{"WriteToLine/locks=1/pty", "p50-ms", 0.4, "write → bytes on the line, 1 lock, pty, p50 ms"},
	{"WriteToLine/locks=1/pty", "p99-ms", 1.5, "… p99 ms"},
	{"WriteToLine/locks=50/tcp", "p50-ms", 0.5, "write → bytes on the line, 50 locks, TCP, p50 ms"},
	{"WriteToLine/locks=50/tcp", "p99-ms", 2, "… p99 ms"},
	{"WriteToLine/locks=50/pty", "p50-ms", 0.5, "write → bytes on the line, 50 locks, pty, p50 ms"},
	{"WriteToLine/locks=50/pty", "p99-ms", 2, "… p99 ms"},
	{"Burst/locks=250/answers=later", "over-%", 5, "burst to 250 locks at 115200 baud, % over the line's own time"},
	{"WriteToEvent/locks=50", "p50-ms", 1, "write → event elsewhere, without the radio's time, p50 ms"},
	{"CommandCPU/locks=1", "cpu-ms", 0.6, "processor time a command, 1 lock, ms"},
	{"CommandCPU/locks=50", "cpu-ms", 0.6, "processor time a command, 50 locks, ms"},
	{"Idle/locks=1", "RSS-MB", 20, "idle memory, 1 lock, MB"},
	{"Idle/locks=50", "RSS-MB", 30, "idle memory, 50 locks, each paired, MB"},
	{"IdleWithCodes/locks=50/codes=250", "RSS-MB", 40, "idle memory, 50 locks with 250 codes each, MB"},
	{"Start/locks=1", "p50-ms", 300, "start → HomeKit answers, 1 lock, ms"},
	{"Start/locks=50", "p50-ms", 500, "start → all of HomeKit answers, 50 locks, ms"},
	{"Codes/codes=250", "over-%", 10, "250 codes written and read back, % over the line's and the air's own time"},
	{"Commit", "p99-µs", 5000, "store update, p99 µs"},
}

// races are the rows in which every peer is to be behind.
var races = []struct {
	bench, metric string
	more          bool // is better
}{
	{"HAP/PairVerify", "p50-ms", false}, {"HAP/PairVerify", "p99-ms", false},
	{"HAP/GET", "p50-ms", false}, {"HAP/GET", "p99-ms", false},
	{"HAP/PUT", "p50-ms", false}, {"HAP/PUT", "p99-ms", false},
	{"HAP/Events20", "GET/s", true},
}

const ours = "latchkey"

var peers = []string{"brutella", "hap-nodejs"}

// results are the figures of each benchmark, the median where it was run several times.
type results map[string]map[string][]float64

var row = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)

func read(r io.Reader) (results, bool, error) {
	got, failed := results{}, false
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		failed = failed || strings.HasPrefix(sc.Text(), "FAIL") || strings.HasPrefix(strings.TrimSpace(sc.Text()), "--- FAIL")
		m := row.FindStringSubmatch(sc.Text())
		if m == nil {
			continue
		}
		f := strings.Fields(m[2])
		for i := 0; i+1 < len(f); i += 2 {
			v, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				return nil, false, fmt.Errorf("%q: %w", sc.Text(), err)
			}
			if got[m[1]] == nil {
				got[m[1]] = map[string][]float64{}
			}
			got[m[1]][f[i+1]] = append(got[m[1]][f[i+1]], v)
		}
	}
	return got, failed, sc.Err()
}

func (g results) figure(bench, metric string) (float64, bool) {
	v := slices.Sorted(slices.Values(g[bench][metric]))
	if len(v) == 0 {
		return 0, false
	}
	return v[len(v)/2], true
}

// judge writes the tables and gives the rows that are missing.
func judge(w io.Writer, g results) (missing []string) {
	fmt.Fprintln(w, "| Row | Target | Measured | |\n|---|---|---|---|")
	for _, t := range targets {
		v, ok := g.figure(t.bench, t.metric)
		if !ok {
			missing = append(missing, t.bench+" "+t.metric)
			continue
		}
		verdict := "within"
		if v > t.most {
			verdict = "**short**"
		}
		fmt.Fprintf(w, "| %s | ≤ %g | %.3g | %s |\n", t.says, t.most, v, verdict)
	}
	fmt.Fprintf(w, "\n| HomeKit server | %s | %s | |\n|---|---|%s---|\n", ours, strings.Join(peers, " | "), strings.Repeat("---|", len(peers)))
	for _, r := range races {
		mine, ok := g.figure(r.bench+"/"+ours, r.metric)
		verdict := "ahead"
		cells := []string{r.bench + ", " + r.metric, cell(g, r.bench, ours, mine)}
		for _, p := range peers {
			v, there := g.figure(r.bench+"/"+p, r.metric)
			ok = ok && there
			if r.more && v >= mine || !r.more && v <= mine {
				verdict = "**behind**"
			}
			cells = append(cells, cell(g, r.bench, p, v))
		}
		if !ok {
			missing = append(missing, r.bench+" "+r.metric)
			continue
		}
		fmt.Fprintf(w, "| %s | %s |\n", strings.Join(cells, " | "), verdict)
	}
	return missing
}

// cell is a figure and, where there were any, the errors behind it.
func cell(g results, bench, who string, v float64) string {
	s := fmt.Sprintf("%.3g", v)
	if v >= 1000 {
		s = fmt.Sprintf("%.0f", v)
	}
	if n, _ := g.figure(bench+"/"+who, "errors"); n > 0 {
		s += fmt.Sprintf(" (%.0f errors)", n)
	}
	return s
}

func main() {
	g, failed, err := read(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "verdict:", err)
		os.Exit(1)
	}
	missing := judge(os.Stdout, g)
	for _, m := range missing {
		fmt.Fprintln(os.Stderr, "verdict: not measured:", m)
	}
	if failed {
		fmt.Fprintln(os.Stderr, "verdict: a benchmark failed")
	}
	if failed || len(missing) > 0 {
		os.Exit(1)
	}
}
