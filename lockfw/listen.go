package lockfw

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// ServeListener serves clients that connect to ln, the one that spoke last, until ctx ends. It closes ln.
func (d *Dongle) ServeListener(ctx context.Context, ln net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			if err == nil {
				_ = conn.Close()
			}
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("lockfw: accept: %w", err)
		}
		wg.Go(func() {
			if err := d.Serve(ctx, conn); err != nil && !errors.Is(err, io.EOF) {
				d.h.log.Debug("dongle client gone", "err", err)
			}
		})
	}
}

// PTY is a pseudo-terminal whose far end looks like a serial port.
type PTY struct {
	master *os.File
	slave  *os.File // held open, so that a client may close and open again without an end of file
	path   string
}

// OpenPTY makes one, in raw mode.
func OpenPTY() (*PTY, error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("lockfw: open a pseudo-terminal: %w", err)
	}
	p := &PTY{master: os.NewFile(uintptr(fd), "/dev/ptmx")}
	n, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		p.path = fmt.Sprintf("/dev/pts/%d", n)
		p.slave, err = os.OpenFile(p.path, os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err == nil {
		err = makeRaw(int(p.slave.Fd()))
	}
	if err != nil {
		_ = p.Close()
		return nil, fmt.Errorf("lockfw: prepare a pseudo-terminal: %w", err)
	}
	return p, nil
}

func makeRaw(fd int) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	return unix.IoctlSetTermios(fd, unix.TCSETS, t)
}

// Path is what a client opens.
func (p *PTY) Path() string { return p.path }

func (p *PTY) Read(b []byte) (int, error)  { return p.master.Read(b) }
func (p *PTY) Write(b []byte) (int, error) { return p.master.Write(b) }

// Close hangs the line up.
func (p *PTY) Close() error {
	err := p.master.Close()
	if p.slave != nil {
		_ = p.slave.Close()
	}
	return err
}

// ServePTY serves clients on a pseudo-terminal until ctx ends. Each time the dongle is in its socket, named learns the path of the port; it may
// make a link to it. After an unplugging there is a new port.
func (d *Dongle) ServePTY(ctx context.Context, named func(path string) error) error {
	for {
		for {
			d.h.mu.Lock()
			out := d.unplugged
			d.h.mu.Unlock()
			if !out {
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(20 * time.Millisecond):
			}
		}
		p, err := OpenPTY()
		if err != nil {
			return err
		}
		if err := named(p.Path()); err != nil {
			_ = p.Close()
			return err
		}
		if err := d.Serve(ctx, p); ctx.Err() != nil {
			return ctx.Err()
		} else if !errors.Is(err, ErrUnplugged) {
			d.h.log.Debug("pseudo-terminal gone", "err", err)
		}
	}
}
