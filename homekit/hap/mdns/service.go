// Package mdns announces services on the local network (RFC 6762 multicast
// DNS, RFC 6763 DNS-based service discovery): one responder for any number of
// services, which follows the interfaces as they come, go and change address,
// and listens whether its own announcements are heard.
package mdns

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Service is one advertised service instance.
type Service struct {
	Key  string   // names the service to its owner, never sent
	Name string   // instance name, numbered on a conflict
	Type string   // "_hap._tcp"
	Host string   // host label, without ".local"
	Port int      // TCP or UDP port
	TXT  []string // "key=value", in the order sent
}

func (s *Service) typeName() string { return s.Type + ".local." }

// instance is the name of the nth choice, in presentation form.
func (s *Service) instance(n int) string {
	name := clip(s.Name, 63)
	if n > 0 {
		suffix := fmt.Sprintf(" (%d)", n+1)
		name = clip(s.Name, 63-len(suffix)) + suffix
	}
	return escape(name) + "." + s.typeName()
}

func (s *Service) hostName() string { return escape(clip(s.Host, 63)) + ".local." }

// clip shortens to n octets at a rune's border.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// escape writes one label as miekg/dns prints labels, so that names compare.
func escape(label string) string {
	var b strings.Builder
	for i := range len(label) {
		switch c := label[i]; {
		case strings.IndexByte(`. '@;()"\`, c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
