package configs

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// maxRelock is the longest that any known lock waits before it relocks (AutoRelockTime is 32 bits of seconds, makers stop at an hour; a day leaves room).
const maxRelock = 24 * time.Hour

// conflicts looks at keys that are right by themselves and wrong together.
func (w *walker) conflicts(root *yaml.Node, c *Config) {
	at := func(section, key string) *yaml.Node { return find(find(root, section), key) }
	ports := map[string]string{}
	for _, l := range []struct{ section, listen string }{{"http", c.HTTP.Listen}, {"metrics", c.Metrics.Listen}} {
		_, port, err := net.SplitHostPort(l.listen)
		if err != nil || port == "0" {
			continue
		}
		if other := ports[port]; other != "" {
			w.say(at(l.section, "listen"), l.section+".listen", fmt.Sprintf("port %s is taken by %s already", port, other), "choose another port")
		}
		ports[port] = l.section + ".listen"
		if p, _ := strconv.ParseUint(port, 10, 16); c.HomeKit.Enabled && uint16(p) >= c.HomeKit.Ports.First && uint16(p) <= c.HomeKit.Ports.Last {
			w.say(at(l.section, "listen"), l.section+".listen", fmt.Sprintf("port %s lies within homekit.ports", port), "choose another port")
		}
	}
	names := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(c.Locks)) {
		name := strings.ToLower(c.Locks[id].Name)
		if name == "" {
			continue
		}
		if other := names[name]; other != "" {
			w.say(find(root, "locks"), "locks."+id+".name", fmt.Sprintf("%q is the name of %s already", c.Locks[id].Name, other), "give each lock its own name")
		}
		names[name] = id
	}
}

// find is the value of key in mapping n, or n itself (for its line) where there is none.
func find(n *yaml.Node, key string) *yaml.Node {
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				return n.Content[i+1]
			}
		}
	}
	return n
}

// Warnings are things that the configuration says and this build does not do, each with what to expect.
func (c Config) Warnings() []string {
	var out []string
	if c.MQTT.Broker != "" {
		out = append(out, "mqtt.broker: this build has no MQTT yet; nothing is published")
	}
	if host, _, err := net.SplitHostPort(c.HTTP.Listen); err == nil && !loopback(host) {
		out = append(out, "http.listen: beyond loopback it is opened only once a password is set (latchkey password set); until then it listens on 127.0.0.1")
	}
	if c.Radio.Form == FormRestore {
		out = append(out, "radio.form: restore puts the locks' network on whatever dongle is at the port, over the network that may be there. Set it back to auto afterwards, and never use the old dongle beside the new one")
	}
	if c.Radio.Form == FormForce {
		out = append(out, "radio.form: force forms a new network at the next start if the dongle does not have the known one; every lock must then be joined again. Set it back to auto afterwards")
	}
	return out
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
