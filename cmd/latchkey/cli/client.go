package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/daemon"
	"github.com/latchkeyd/latchkey/web"
)

// sockets are where the daemon may serve, in the order in which they are tried.
func (a *app) sockets() ([]string, error) {
	if a.socket != "" {
		return []string{a.socket}, nil
	}
	cfg, _, err := daemon.LoadConfig(a.config)
	if err != nil && a.config != "" {
		return nil, err
	}
	out := []string{filepath.Join(cfg.State, daemon.SocketName)}
	if a.config == "" {
		out = append(out, filepath.Join("/run/latchkey", daemon.SocketName), filepath.Join("/var/lib/latchkey", daemon.SocketName))
	}
	return out, nil
}

// client speaks to the daemon. The socket that answers first is kept.
func (a *app) client() (*http.Client, error) {
	paths, err := a.sockets()
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var denied, first error
			for _, p := range paths {
				d := net.Dialer{Timeout: 3 * time.Second}
				c, err := d.DialContext(ctx, "unix", p)
				if err == nil {
					return c, nil
				}
				if first == nil {
					first = err
				}
				if errors.Is(err, syscall.EACCES) {
					denied = fmt.Errorf("the daemon's socket %s may not be opened by this user; use sudo, or join its group: sudo usermod -aG latchkey %s", p, os.Getenv("USER"))
				}
			}
			if denied != nil {
				return nil, denied
			}
			return nil, fmt.Errorf("the daemon is not running (nothing answers on %s); start it with: sudo systemctl start latchkey, or: latchkey run", strings.Join(paths, " or "))
		},
		DisableKeepAlives: true,
	}}, nil
}

// send makes one request. A body goes as JSON; it is wiped afterwards, because it may hold a PIN.
func (a *app) send(ctx context.Context, method, path string, body []byte, accept string) (*http.Response, error) {
	c, err := a.client()
	if err != nil {
		return nil, err
	}
	defer clear(body)
	var rd io.Reader
	if body != nil {
		rd = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://latchkey"+web.Prefix+path, rd)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	resp, err := c.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
			err = errors.New("the daemon ended before it answered; what was asked for may have been done. Once it runs again, look with: latchkey locks")
		}
		return nil, err
	}
	if resp.StatusCode >= 400 {
		defer resp.Body.Close()
		var p web.Problem
		if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&p); err != nil || p.Type == "" {
			return nil, fmt.Errorf("the daemon answered %s; is it of another version?", resp.Status)
		}
		return nil, &p
	}
	return resp, nil
}

// call makes one request with in as JSON, and reads the answer into out; either may be nil.
func (a *app) call(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	resp, err := a.send(ctx, method, path, body, "application/json")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil || resp.StatusCode == http.StatusNoContent {
		return nil
	}
	return json.NewDecoder(io.LimitReader(resp.Body, 64<<20)).Decode(out)
}

// event is an entry of the journal as it comes over the API; Raw is its text.
type event struct {
	bridge.Event
	Raw json.RawMessage
}

// stream follows the journal until f says stop, the stream ends, or ctx does.
func (a *app) stream(ctx context.Context, query url.Values, f func(event) (stop bool)) error {
	path := "/events"
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	resp, err := a.send(ctx, http.MethodGet, path, nil, "text/event-stream")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	sc := bufio.NewScanner(resp.Body)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		data, ok := strings.CutPrefix(sc.Text(), "data: ")
		if !ok {
			continue
		}
		ev := event{Raw: json.RawMessage(data)}
		if err := json.Unmarshal(ev.Raw, &ev.Event); err != nil {
			if errors.Is(err, bridge.ErrKind) {
				continue // of a later version
			}
			return fmt.Errorf("the daemon's event stream: %w", err)
		}
		if f(ev) {
			return nil
		}
	}
	if ctx.Err() != nil {
		return nil
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("the daemon's event stream: %w", err)
	}
	return errors.New("the daemon ended; start it again to go on")
}

// esc makes a name part of a path.
func esc(s string) string { return url.PathEscape(s) }

func readJSON(resp *http.Response, v any) error {
	defer resp.Body.Close()
	return json.NewDecoder(io.LimitReader(resp.Body, 64<<20)).Decode(v)
}
