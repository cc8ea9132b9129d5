package web

import (
	"strings"
	"testing"
)

// TestWhatIsWrongIsNamed: a refusal says which part of the request it means, in words of its own.
func TestWhatIsWrongIsNamed(t *testing.T) {
	h := newHouse(t, nil)
	for _, tt := range []struct{ body, says string }{
		{`{"name":"Eve","pin":"","all_locks":true}`, "the code is empty"},
		{`{"name":"Eve","pin":"` + strings.Repeat("7", 33) + `","all_locks":true}`, "at most 32 digits"},
		{`{"name":"Eve","schedule":{"uses":"many"}}`, "The value of schedule.uses is of the wrong kind"},
		{`{"name":"Eve","schedule":{"until":"tomorrow"}}`, "A time is not understood"},
	} {
		if status, body := h.ask("POST", "/api/v1/users", tt.body); status < 400 || status > 499 || !strings.Contains(body, tt.says) || strings.Contains(body, "777") {
			t.Errorf("%s: %d %s; want %q", tt.body, status, body, tt.says)
		}
	}
	if _, body := h.ask("DELETE", "/api/v1/users/Zoe", ""); !strings.Contains(body, `user \"Zoe\"`) {
		t.Error(body)
	}
}
