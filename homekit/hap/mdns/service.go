// Package mdns announces services on the local network (RFC 6762 multicast
// DNS, RFC 6763 DNS-based service discovery).
package mdns

// Service is one advertised service instance.
type Service struct {
	Key  string   // names the service to its owner, never sent
	Name string   // instance name, changed on a conflict
	Type string   // "_hap._tcp"
	Host string   // host label, without ".local"
	Port int      // TCP or UDP port
	TXT  []string // "key=value", in the order sent
}
