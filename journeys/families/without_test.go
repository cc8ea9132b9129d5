package families

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/cmd/latchkey/cli"
	"github.com/latchkeyd/latchkey/journeys/house"
	"github.com/latchkeyd/latchkey/lockfw"
)

// TestNoCodesIsSaidEverywhere: a house of locks that hold no codes, and one that does. The API, the command line and the Home app each say which is which.
func TestNoCodesIsSaidEverywhere(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var models []string
	var families []lockfw.Family
	for _, f := range lockfw.Families() {
		if !holding[f.Name] || f.Name == "yale_assure" {
			model := f.Models[0]
			if model == "" {
				model = f.Name
			}
			models, families = append(models, model), append(families, f)
		}
	}
	h, err := house.New(house.Config{Dir: t.TempDir(), Models: models, Air: lockfw.Config{Seed: 3, Speed: speed, Delay: time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	running := make(chan error, 1)
	hctx, stop := context.WithCancel(ctx)
	go func() { running <- h.Run(hctx) }()
	t.Cleanup(func() { stop(); <-running })
	d, err := h.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := d.Online(ctx); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "latchkey.yaml")
	if err := os.WriteFile(config, []byte("state: "+h.Settings().State+"\nradio: {port: \""+h.Port+"\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	latchkey := func(stdin string, args ...string) (int, string) {
		var out bytes.Buffer
		code := cli.Run(ctx, "v0.0.0", append([]string{"--config", config}, args...), strings.NewReader(stdin), &out, &out)
		return code, out.String()
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var n net.Dialer
		return n.DialContext(ctx, "unix", d.SocketPath())
	}}}
	if _, err := d.Bridge().AddUser(ctx, asked, bridge.User{Name: "Ann", PIN: pin(t, "2846")}); err != nil {
		t.Fatal(err)
	}
	for i, l := range h.Locks {
		f := families[i]
		if l.NeedsMaster() {
			if err := l.SetMaster("", "11112222"); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Bridge().Join(ctx, bridge.Join{Window: time.Minute}); err != nil {
			t.Fatal(err)
		}
		l.PressJoin()
		for {
			if v, err := d.Bridge().Find(string(house.ID(l))); err == nil && v.Info.Ready {
				break
			}
			select {
			case <-ctx.Done():
				t.Fatalf("%s is not interviewed", f.Name)
			case <-time.After(3 * time.Millisecond):
			}
		}
		const says = "codes cannot be set by radio on this model"
		id, wants := string(house.ID(l)), holding[f.Name]

		req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://latchkey/api/v1/locks/"+id+"/codes/Ann", strings.NewReader(`{"pin":"2847"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		_, err = body.ReadFrom(resp.Body)
		resp.Body.Close()
		refused := resp.StatusCode == http.StatusUnprocessableEntity && resp.Header.Get("Content-Type") == "application/problem+json" &&
			strings.Contains(body.String(), "urn:latchkey:problem:unsupported") && strings.Contains(body.String(), says)
		if err != nil || refused == wants || wants && resp.StatusCode >= 300 {
			t.Errorf("%s: the API answers %s %s %v", f.Name, resp.Status, body.String(), err)
		}

		code, text := latchkey("2848\n", "codes", "set", id, "Ann")
		if refused := code == 4 && strings.Contains(text, says); refused == wants || wants && code != 0 {
			t.Errorf("%s: codes set: exit %d, %q", f.Name, code, text)
		}
		code, text = latchkey("", "reset", id, "--method", "clear-codes", "--plan")
		if refused := code == 4 && strings.Contains(text, "is not known to work"); refused == wants || wants && code != 0 {
			t.Errorf("%s: a plan to clear codes: exit %d, %q", f.Name, code, text)
		}

		if _, err := d.Accessory(ctx, l); err != nil {
			t.Fatal(err)
		}
		p, err := d.Pair(ctx, l)
		if err != nil {
			t.Fatal(err)
		}
		c, err := p.Connect(ctx)
		if err != nil {
			t.Fatal(err)
		}
		ids, err := house.FindLock(ctx, c)
		c.Close()
		if err != nil || ids.Codes.IID != 0 != wants {
			t.Errorf("%s: the Home app sees access codes: %v, %v", f.Name, ids.Codes.IID != 0, err)
		}
	}
}
