//go:build interop

package prometheus

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/configs"
	"github.com/latchkeyd/latchkey/daemon"
	"github.com/latchkeyd/latchkey/homekit/hap"
	"github.com/latchkeyd/latchkey/lockfw"
	"github.com/latchkeyd/latchkey/zigbee/znp"
)

// house is a daemon with one emulated lock that has been moved.
func house(t *testing.T) *daemon.Daemon {
	t.Helper()
	home := lockfw.New(lockfw.Config{Seed: 3, Speed: 20})
	lock, err := home.AddLock(lockfw.LockConfig{Model: "YRD226 TSDB"})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := configs.Defaults()
	c.State, c.HTTP.Listen = filepath.Join(t.TempDir(), "s"), "127.0.0.1:0"
	d, err := daemon.New(daemon.Options{Config: c, Version: "interop", Advertiser: hap.Off,
		Dial: func(ctx context.Context) (znp.Port, error) { return znp.Open(ctx, "tcp://"+ln.Addr().String()) }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var tasks sync.WaitGroup
	tasks.Go(func() { _ = home.Run(ctx) })
	tasks.Go(func() { _ = home.Dongle().ServeListener(ctx, ln) })
	tasks.Go(func() {
		if err := d.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); tasks.Wait() })
	<-d.Ready()
	r := d.Bridge().Follow(0)
	defer r.Close()
	wait, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	for {
		ev, err := r.Next(wait)
		if err != nil {
			t.Fatal(err)
		}
		switch b := ev.Body.(type) {
		case bridge.DongleMoved:
			if b.Up {
				if err := d.Bridge().Join(wait, bridge.Join{Window: time.Minute}); err != nil {
					t.Fatal(err)
				}
				lock.PressJoin()
			}
		case bridge.LockReady:
			for _, k := range []bridge.ActionKind{bridge.ActUnlock, bridge.ActLock} {
				if _, err := d.Bridge().Actuate(wait, ev.Lock, bridge.Action{Kind: k, Cause: bridge.Cause{Source: bridge.SourceAPI}}); err != nil {
					t.Fatal(err)
				}
			}
			return d
		}
	}
}

func get(t *testing.T, u string) []byte {
	t.Helper()
	resp, err := http.Get(u)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v\n%s", u, resp.Status, err, b)
	}
	return b
}

// TestMetrics: promtool's linter on what the daemon answers.
func TestMetrics(t *testing.T) {
	d := house(t)
	text := get(t, "http://"+d.HTTPAddr()+"/metrics")
	var ours bytes.Buffer
	for line := range bytes.Lines(text) {
		if bytes.Contains(line, []byte("latchkey_")) { // the runtime's own names are not ours to choose
			ours.Write(line)
		}
	}
	cmd := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
	cmd.Stdin = &ours
	if out, err := cmd.CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestEveryQueryAnswers runs Prometheus on the daemon and asks it everything that dashboard and rules ask.
func TestEveryQueryAnswers(t *testing.T) {
	d := house(t)
	dir := t.TempDir()
	rules, err := filepath.Abs("../../configs/prometheus/latchkey.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [%q]\nscrape_configs:\n  - job_name: latchkey\n    static_configs: [{targets: [%q]}]\n", rules, d.HTTPAddr())
	if err := os.WriteFile(filepath.Join(dir, "p.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	var logs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "prometheus", "--config.file="+filepath.Join(dir, "p.yaml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+addr, "--log.level=warn")
	cmd.Stderr = &logs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })

	ask := func(q string) (int, string) {
		resp, err := http.Get("http://" + addr + "/api/v1/query?" + url.Values{"query": {q}}.Encode())
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		var out struct {
			Status, Error string
			Data          struct{ Result []json.RawMessage }
		}
		if err := json.Unmarshal(b, &out); err != nil || out.Status != "success" {
			return 0, string(b)
		}
		return len(out.Data.Result), ""
	}
	end := time.Now().Add(time.Minute)
	for n := 0; n == 0 && time.Now().Before(end); { // three scrapes make a rate
		time.Sleep(time.Second)
		n, _ = ask(`count_over_time(up{job="latchkey"}[1m]) >= 4`)
	}
	for where, q := range queries(t) {
		q = strings.NewReplacer("$__rate_interval", "30s", "$lock", ".*").Replace(q)
		if n, why := ask(q); n == 0 {
			t.Errorf("%s: no answer to %s %s", where, q, why)
		}
	}
	var found struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	if err := json.Unmarshal(get(t, "http://"+addr+"/api/v1/rules"), &found); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range found.Data.Groups {
		for _, r := range g.Rules {
			n++
			if r.Health != "ok" {
				t.Errorf("rule %s is %s: %s", r.Name, r.Health, r.LastError)
			}
		}
	}
	if n < 20 {
		t.Errorf("%d rules\n%s", n, &logs)
	}
}

var comparison = regexp.MustCompile(`\s*(<|>|==|>=)\s*[0-9.* ]+`)

// queries are those of the dashboard, and those of the alerts without their bounds, which a sound house does not meet.
func queries(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	b, err := os.ReadFile("../../configs/grafana/dashboards/latchkey.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr, RefID string }
		}
	}
	if err := json.Unmarshal(b, &board); err != nil {
		t.Fatal(err)
	}
	for _, p := range board.Panels {
		for _, q := range p.Targets {
			out[p.Title+" "+q.RefID] = q.Expr
		}
	}
	rules, err := os.ReadFile("../../configs/prometheus/latchkey.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	name := ""
	for line := range strings.Lines(string(rules)) {
		line = strings.TrimSpace(line)
		if a, ok := strings.CutPrefix(line, "- alert: "); ok {
			name = a
		}
		if q, ok := strings.CutPrefix(line, "expr: "); ok && name != "" {
			out[name] = comparison.ReplaceAllString(strings.NewReplacer("[1h]", "[30s]", "[10m]", "[30s]", "[5m]", "[30s]").Replace(q), " ")
			name = ""
		}
	}
	if len(out) < 40 {
		t.Fatalf("only %d queries were found", len(out))
	}
	return out
}
