package bridge_test

import (
	"strings"
	"testing"

	"github.com/latchkeyd/latchkey/bridge"
)

// TestQuote: names are repeated, what may be a PIN is not.
func TestQuote(t *testing.T) {
	for s, want := range map[string]string{
		"Front door": `"Front door"`, "": `""`, "2": `"2"`, "007": `"007"`, "Anna 1985": `"Anna 1985"`, "2026-13-24": `"2026-13-24"`, "a\nb": `"a\nb"`,
		"4829": bridge.Redacted, "48291374": bridge.Redacted, "4829 1374": bridge.Redacted, " 48291374": bridge.Redacted, strings.Repeat("x", 99): `"` + strings.Repeat("x", 64) + `"`,
	} {
		if got := bridge.Quote(s); got != want {
			t.Errorf("%q is quoted as %s", s, got)
		}
	}
}
