package cli

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheDaemonEnds: a command whose daemon ends in the middle of it says so, and what is not known.
func TestTheDaemonEnds(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
				t.Error(err)
			}
			c.Close()
		}
	}()
	var out, errs bytes.Buffer
	code := Run(t.Context(), "v", []string{"--socket", socket, "unlock", "Front"}, strings.NewReader(""), &out, &errs)
	if said := errs.String(); code != exitFailed || !strings.Contains(said, "may have been done") || !strings.Contains(said, "latchkey locks") || strings.Contains(said, "EOF") {
		t.Errorf("exit code %d, %q", code, said)
	}
}
