package znp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// Port is an open line to a dongle; a net.Conn is one. Close must make a pending Read and a pending Write return. A Port that also has SetModemLines can
// be woken from its bootloader.
type Port interface {
	io.ReadWriteCloser
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// modemLines is a Port with the lines that a serial bootloader looks at.
type modemLines interface {
	SetModemLines(dtr, rts bool) error
}

// outQueue is a Port that knows how many bytes it has taken and not yet carried to the other end, as far as this machine can tell. Its Close forgets them.
type outQueue interface{ Unsent() int }

// dialTimeout bounds the opening of a TCP connection; a machine that is not there otherwise takes the kernel two minutes to give up.
const dialTimeout = 5 * time.Second

// DefaultBaud is the speed of a serial line where nothing else is said, in bits a second.
const DefaultBaud = 115200

// Open opens the line named by path at DefaultBaud: a serial device, best under /dev/serial/by-id, a pty, or tcp://host:port. Its errors are Faults; a
// fatal one says that opening the same path again cannot help.
func Open(ctx context.Context, path string) (Port, error) { return OpenAt(ctx, path, DefaultBaud) }

// OpenAt is Open at another speed, which means nothing to a TCP connection.
func OpenAt(ctx context.Context, path string, baud int) (Port, error) {
	if path == "" {
		return nil, &Fault{Fatal: true, Sentence: "No Zigbee dongle is configured. Set the dongle's port to its path under /dev/serial/by-id, or to tcp://host:port."}
	}
	if addr, ok := strings.CutPrefix(path, "tcp://"); ok {
		return openTCP(ctx, path, addr)
	}
	if strings.Contains(path, "://") {
		return nil, &Fault{Fatal: true, Sentence: fmt.Sprintf("The dongle's port %q is of an unknown kind. Use a path under /dev/serial/by-id, or tcp://host:port.", path)}
	}
	p, err := openSerial(path, baud)
	if err != nil {
		return nil, serialFault(path, err)
	}
	return p, nil
}

func openTCP(ctx context.Context, path, addr string) (Port, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || host == "" || port == "" {
		return nil, &Fault{Fatal: true, Err: err, Sentence: fmt.Sprintf("The dongle's port %q lacks a host or a port number. Write it as tcp://host:port.", path)}
	}
	d := net.Dialer{Timeout: dialTimeout, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, &Fault{Err: err, Sentence: fmt.Sprintf("The Zigbee dongle at %s does not accept a connection. Check that it is powered and on the network, and that address and port number are right.", path)}
	}
	t, ok := c.(*net.TCPConn)
	if !ok {
		return c, nil
	}
	// What the network has not carried when the line is given up must not be carried afterwards: a kernel tries for minutes.
	if err := errors.Join(t.SetNoDelay(true), t.SetLinger(0)); err != nil {
		c.Close()
		return nil, fmt.Errorf("znp: %s: %w", path, err)
	}
	return tcpPort{t}, nil
}

// tcpPort is a line to a dongle behind TCP.
type tcpPort struct{ *net.TCPConn }

// Unsent implements outQueue: what the other machine has not acknowledged.
func (p tcpPort) Unsent() int { return unsent(p.TCPConn) }

// serialFault words what went wrong when the serial device at path was opened.
func serialFault(path string, err error) *Fault {
	f := &Fault{Err: err}
	switch {
	case errors.Is(err, errSpeed):
		f.Fatal = true
		f.Sentence = fmt.Sprintf("The dongle's serial line at %s has no such speed. Most dongles want 115200 baud.", path)
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.ENODEV):
		f.Sentence = fmt.Sprintf("There is no Zigbee dongle at %s. Plug it in, or set the dongle's port to where it is (see ls /dev/serial/by-id).", path)
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		f.Sentence = fmt.Sprintf("The Zigbee dongle at %s may not be opened by this user. Install the udev rule, or add the user to the group that owns the device (usually dialout).", path)
	case errors.Is(err, syscall.EBUSY), errors.Is(err, syscall.EAGAIN):
		f.Sentence = fmt.Sprintf("The Zigbee dongle at %s is in use by another program. Stop that program (zigbee2mqtt, ZHA or a second copy of this one).", path)
	case errors.Is(err, syscall.ENOTTY), errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.EINVAL):
		f.Fatal = true
		f.Sentence = fmt.Sprintf("%s is not a serial device. Set the dongle's port to its path under /dev/serial/by-id, or to tcp://host:port.", path)
	default:
		f.Sentence = fmt.Sprintf("The Zigbee dongle at %s cannot be opened (%v). Unplug it and plug it in again.", path, err)
	}
	return f
}
