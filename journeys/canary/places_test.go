package canary

import (
	"bytes"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"testing"
)

// pins gives PINs that stand nowhere by chance. They are eights and nines alone: packed as BCD those are no text either. Long runs of nines are left out,
// which stand at the end of fractions.
type pins struct {
	mu   sync.Mutex
	last uint32
	all  []string
}

// next gives a PIN that was not there before, and that no other one begins or ends with.
func (p *pins) next(digits int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		p.last++
		h := bits.Reverse32(p.last * 2654435761) // Knuth's multiplicative hash: the next one looks quite different
		b := make([]byte, digits)
		for i := range b {
			b[i] = '8' + byte(h>>i&1)
		}
		pin := string(b)
		if strings.Contains(pin, "8888") || strings.Contains(pin, "9999") || strings.HasSuffix(pin, "99") ||
			slices.ContainsFunc(p.all, func(old string) bool { return strings.Contains(old, pin) || strings.Contains(pin, old) }) {
			if p.last > 1<<20 {
				panic("all PINs of this length are given")
			}
			continue
		}
		p.all = append(p.all, pin)
		return pin
	}
}

// given are all PINs so far.
func (p *pins) given() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.all)
}

// places are what the daemon left behind, by where it left it.
type places struct {
	mu sync.Mutex
	m  map[string][]byte
}

func (p *places) add(name string, b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.m == nil {
		p.m = map[string][]byte{}
	}
	p.m[name] = append(p.m[name], b...)
}

func (p *places) get(name string) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.m[name])
}

// to is a writer into a place.
func (p *places) to(name string) io.Writer { return place{p, name} }

type place struct {
	p    *places
	name string
}

func (w place) Write(b []byte) (int, error) {
	w.p.add(w.name, b)
	return len(b), nil
}

// has waits until a place holds a text, for what arrives by itself.
func (p *places) has(name, text string) func() bool {
	return func() bool { return bytes.Contains(p.get(name), []byte(text)) }
}

// expectation is what a place must hold, to show that it was captured at all.
type expectation struct {
	name   string
	sealed bool
	holds  []string
}

// scanned finds no PIN in any place, each of which must hold what was expected of it.
func (p *places) scanned(t *testing.T, es []expectation, pins []string) {
	t.Helper()
	p.mu.Lock()
	for name := range p.m {
		if !slices.ContainsFunc(es, func(e expectation) bool { return e.name == name }) {
			t.Errorf("%s was captured, and nobody says what it should hold", name)
		}
	}
	p.mu.Unlock()
	for _, e := range es {
		b := p.get(e.name)
		scan := Scan
		if e.sealed {
			scan = ScanSealed
		}
		found := scan(b, pins...)
		for _, f := range found {
			t.Errorf("%s: %s: %s", e.name, f, around(b, f))
		}
		for _, want := range e.holds {
			if !bytes.Contains(b, []byte(want)) {
				t.Errorf("%s (%d octets) does not hold %q: was it captured?", e.name, len(b), want)
			}
		}
		if len(e.holds) == 0 || len(b) == 0 {
			t.Errorf("%s: nothing is expected of it, or it is empty", e.name)
		}
		t.Logf("%-28s %8d octets scanned for %3d PINs, %d findings", e.name, len(b), len(pins), len(found))
	}
}

// around shows where a finding is, digits and all: they are this test's own.
func around(b []byte, finding string) string {
	at := 0
	if _, err := fmt.Sscanf(finding[strings.LastIndex(finding, " ")+1:], "%d", &at); err != nil {
		return ""
	}
	return fmt.Sprintf("%q", b[max(0, at-200):min(len(b), at+60)])
}

// planted expects the scan to see a PIN in each place where it was put.
func (p *places) planted(t *testing.T, es []expectation, pin string) {
	t.Helper()
	for _, e := range es {
		scan := Scan
		if e.sealed {
			scan = ScanSealed
		}
		if len(scan(p.get(e.name), pin)) == 0 {
			t.Errorf("%s: a PIN was put there, and the scan does not see it", e.name)
		}
	}
}
