package znp

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestWhatIsNoDongle: what ends the line before a dongle has answered is not taken for a dongle that was unplugged, where that can be told.
func TestWhatIsNoDongle(t *testing.T) {
	webServer := func(c net.Conn) { // it waits for a line
		if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request")
	}
	for _, tc := range []struct {
		name, port string
		far        func(net.Conn)
		says       string
	}{
		{"a web server", "tcp://hub.home.arpa:80", func(c net.Conn) { webServer(c); c.Close() }, "is a web server, not a Zigbee dongle. Set the dongle's port"},
		{"a patient web server", "tcp://hub.home.arpa:80", func(c net.Conn) { webServer(c); _, _ = io.Copy(io.Discard, c) }, "is a web server, not a Zigbee dongle"},
		{"hangs up at once", "tcp://hub.home.arpa:6638", func(c net.Conn) { c.Close() }, "hangs up before a Zigbee dongle has answered. Check that"},
		{"a serial line goes", "/dev/ttyACM0", func(c net.Conn) { c.Close() }, "was unplugged or lost power. Plug it in again."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				c := New(Config{Port: tc.port, Dial: func(context.Context) (Port, error) {
					near, far := net.Pipe()
					wg.Go(func() { tc.far(far) })
					return near, nil
				}})
				wg.Go(func() { _ = c.Run(ctx, &deaf{}) })
				time.Sleep(time.Minute)
				if d := c.Dongle(); d.Up || !strings.Contains(d.Fault, tc.says) {
					t.Errorf("%q", d.Fault)
				}
				cancel()
				wg.Wait()
			})
		})
	}
}
