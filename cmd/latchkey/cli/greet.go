package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkeyd/latchkey/zigbee/znp"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// greet asks whatever is at the port for a ping and for its version (Monitor and Test API sections 3.8.1.2 and 3.8.1.3).
func greet(ctx context.Context, port znp.Port) (product string, revision uint32, err error) {
	var version mt.VersionRsp
	for _, ask := range []struct {
		cmd  mt.Command
		take func(payload []byte) error
	}{
		{mt.SysPing, func([]byte) error { return nil }},
		{mt.SysVersion, version.ParsePayload},
	} {
		// The first ping may find a boot loader, which takes a moment to hand over.
		for attempt := range 3 {
			if err = exchange(ctx, port, ask.cmd, ask.take); err == nil || attempt == 2 || ctx.Err() != nil {
				break
			}
		}
		if err != nil {
			return "", 0, err
		}
	}
	names := map[uint8]string{0: "Z-Stack 1.2 (too old)", 1: "Z-Stack 3.x.0", 2: "Z-Stack 3.0.x"}
	if product = names[version.Product]; product == "" {
		product = fmt.Sprintf("unknown firmware (product %d)", version.Product)
	}
	return product, version.Revision, nil
}

var errNoReply = errors.New("no reply")

// exchange sends one empty request and waits a second for its reply.
func exchange(ctx context.Context, port znp.Port, cmd mt.Command, take func([]byte) error) error {
	frame, err := mt.AppendFrame(nil, cmd, nil)
	if err != nil {
		return err
	}
	until := time.Now().Add(time.Second)
	if d, ok := ctx.Deadline(); ok && d.Before(until) {
		until = d
	}
	if err := errors.Join(port.SetWriteDeadline(until), port.SetReadDeadline(until)); err != nil {
		return err
	}
	if _, err := port.Write(frame); err != nil {
		return err
	}
	var parser mt.Parser
	buf := make([]byte, 256)
	for {
		n, err := port.Read(buf)
		if err != nil {
			return fmt.Errorf("%w (%v)", errNoReply, err)
		}
		var found, bad error = errNoReply, nil
		parser.Feed(time.Time{}, buf[:n], func(f mt.Frame) {
			if f.Command == cmd.Reply() {
				found, bad = nil, take(f.Payload)
			}
		})
		if found == nil {
			return bad
		}
	}
}
