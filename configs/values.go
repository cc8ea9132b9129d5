package configs

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// scalar is the text of a single value. An empty value is not taken for a default: whoever writes a key means something.
func (w *walker) scalar(path string, n *yaml.Node, instead string) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		w.say(n, path, kindName(n)+" stands where one value belongs", instead)
		return "", false
	}
	if isNull(n) {
		w.say(n, path, "no value", instead+", or remove the key")
		return "", false
	}
	if len(n.Value) > 1024 {
		w.say(n, path, "longer than 1024 characters", instead)
		return "", false
	}
	return n.Value, true
}

func (w *walker) text(dst *string, instead string, check func(string) string) func(string, *yaml.Node) {
	return func(path string, n *yaml.Node) {
		v, ok := w.scalar(path, n, instead)
		if !ok {
			return
		}
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			w.say(n, path, "contains control characters", instead)
			return
		}
		if check != nil {
			if what := check(v); what != "" {
				w.say(n, path, what, instead)
				return
			}
		}
		*dst = v
	}
}

// word takes one of a fixed set.
func (w *walker) word(dst *string, words ...string) func(string, *yaml.Node) {
	return func(path string, n *yaml.Node) {
		instead := "use one of " + strings.Join(words, ", ")
		v, ok := w.scalar(path, n, instead)
		if !ok {
			return
		}
		if !slices.Contains(words, v) {
			if near := nearest(v, words); near != "" {
				instead = fmt.Sprintf("did you mean %q?", near)
			}
			w.say(n, path, quote(v)+" is not known here", instead)
			return
		}
		*dst = v
	}
}

func (w *walker) yes(dst *bool) func(string, *yaml.Node) {
	return func(path string, n *yaml.Node) {
		v, ok := w.scalar(path, n, "use true or false")
		if !ok {
			return
		}
		if v != "true" && v != "false" {
			w.say(n, path, quote(v)+" is neither true nor false", "use true or false")
			return
		}
		*dst = v == "true"
	}
}

// number takes a decimal integer in lo–hi; names stand for given values.
func (w *walker) number(dst *int, lo, hi int, names map[string]int) func(string, *yaml.Node) {
	return func(path string, n *yaml.Node) {
		instead := fmt.Sprintf("use a number from %d to %d", lo, hi)
		for name := range names {
			instead = fmt.Sprintf("use %s or a number from %d to %d", name, lo, hi)
		}
		v, ok := w.scalar(path, n, instead)
		if !ok {
			return
		}
		if x, ok := names[v]; ok {
			*dst = x
			return
		}
		x, err := strconv.Atoi(v)
		if err != nil || x < lo || x > hi {
			w.say(n, path, quote(v)+" is out of range or no number", instead)
			return
		}
		*dst = x
	}
}

// Speeds of serial lines, in bits a second.
var speeds = []string{"9600", "19200", "38400", "57600", "115200", "230400", "460800", "500000", "921600", "1000000", "2000000"}

func (w *walker) speed(dst *int) func(string, *yaml.Node) {
	return func(path string, n *yaml.Node) {
		v := strconv.Itoa(*dst)
		w.word(&v, speeds...)(path, n)
		*dst, _ = strconv.Atoi(v) // one of speeds
	}
}

func (w *walker) list(dst *[]string, instead string, check func(string) string) func(string, *yaml.Node) {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.SequenceNode {
			w.say(n, path, kindName(n)+" is not a list", instead)
			return
		}
		if len(n.Content) > 64 {
			w.say(n, path, "more than 64 entries", instead)
			return
		}
		out := make([]string, 0, len(n.Content))
		for _, e := range n.Content {
			if !w.plain(path, e) {
				continue
			}
			var v string
			w.text(&v, instead, check)(path, e)
			if v != "" {
				out = append(out, v)
			}
		}
		*dst = out
	}
}

func (w *walker) ports(dst *PortRange) func(string, *yaml.Node) {
	return func(path string, n *yaml.Node) {
		const instead = "use a range like 51826-51889, ports 1024 to 65535, at most 256 of them"
		v, ok := w.scalar(path, n, instead)
		if !ok {
			return
		}
		first, last, isRange := strings.Cut(v, "-")
		if !isRange {
			last = first
		}
		a, err1 := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
		b, err2 := strconv.ParseUint(strings.TrimSpace(last), 10, 16)
		switch {
		case err1 != nil || err2 != nil:
			w.say(n, path, quote(v)+" is no range of ports", instead)
		case a < 1024:
			w.say(n, path, "ports below 1024 need rights that the daemon does not have", instead)
		case b < a:
			w.say(n, path, "the range ends before it begins", instead)
		case b-a >= 256:
			w.say(n, path, "the range is larger than 256 ports", instead)
		default:
			*dst = PortRange{uint16(a), uint16(b)}
		}
	}
}

func (w *walker) address(dst *netip.Addr) func(string, *yaml.Node) {
	return func(path string, n *yaml.Node) {
		const instead = `use an IP address, or "" for all`
		v, ok := w.scalar(path, n, instead)
		if !ok || v == "" {
			return
		}
		a, err := netip.ParseAddr(v)
		if err != nil {
			w.say(n, path, quote(v)+" is no IP address", instead)
			return
		}
		*dst = a
	}
}

func (w *walker) percent(dst *float64) func(string, *yaml.Node) {
	return func(path string, n *yaml.Node) {
		const instead = "use a percentage from 0% to 100%"
		v, ok := w.scalar(path, n, instead)
		if !ok {
			return
		}
		digits, found := strings.CutSuffix(v, "%")
		x, err := strconv.ParseFloat(digits, 64)
		switch {
		case err != nil || !(x >= 0 && x <= 100):
			w.say(n, path, quote(v)+" is no percentage from 0 to 100", instead)
		case !found:
			w.say(n, path, quote(v)+" lacks the % sign", fmt.Sprintf("write %s%%", v))
		default:
			*dst = x
		}
	}
}

func (w *walker) duration(dst **time.Duration, lo, hi time.Duration) func(string, *yaml.Node) {
	return func(path string, n *yaml.Node) {
		instead := fmt.Sprintf("use a duration like 30s or 5m, from %v to %v", lo, hi)
		v, ok := w.scalar(path, n, instead)
		if !ok {
			return
		}
		d, err := time.ParseDuration(v)
		if err != nil {
			w.say(n, path, quote(v)+" is no duration", instead)
			return
		}
		if d < lo || d > hi {
			w.say(n, path, quote(v)+" is out of range", instead)
			return
		}
		*dst = &d
	}
}

// checkListen wants "", ":port" or host:port.
func checkListen(v string) string {
	if v == "" {
		return ""
	}
	_, port, err := net.SplitHostPort(v)
	if err != nil {
		return quote(v) + " is no host:port"
	}
	if p, err := strconv.ParseUint(port, 10, 16); err != nil || (p != 0 && p < 1024) {
		return quote(port) + " is no port from 1024 to 65535 (0 lets the system choose)"
	}
	return ""
}

func checkPort(v string) string {
	switch {
	case v == Auto:
		return ""
	case strings.HasPrefix(v, "tcp://"):
		host, port, err := net.SplitHostPort(strings.TrimPrefix(v, "tcp://"))
		if p, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || p == 0 || host == "" {
			return quote(v) + " is no tcp://host:port"
		}
		return ""
	case strings.HasPrefix(v, "/"):
		return ""
	}
	return quote(v) + " is neither auto, a device path, nor tcp://host:port"
}

func checkHost(v string) string {
	if v == "" || len(v) > 253 || strings.ContainsAny(v, "/:@ ?#") {
		return quote(v) + " is no host name"
	}
	return ""
}

func checkAbs(v string) string {
	if !strings.HasPrefix(v, "/") {
		return quote(v) + " is no absolute path"
	}
	return ""
}

func checkName(v string) string {
	if strings.TrimSpace(v) == "" {
		return "the name is empty"
	}
	if len([]rune(v)) > 64 {
		return "the name is longer than 64 characters"
	}
	return ""
}
