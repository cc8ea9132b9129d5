package znp

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// serialPort is a tty in raw mode, 8 data bits, no parity, one stop bit, no flow control. It is read and written through the runtime's
// poller, so that closing it ends a pending read or write at once, and no write reaches a file descriptor that was closed and given to someone else.
type serialPort struct {
	f   *os.File
	pty bool
}

var errSpeed = errors.New("no serial line has this speed")

// speeds are the line speeds that dongles are built with, in bits a second (termios(3)).
var speeds = map[int]uint32{
	9600: unix.B9600, 19200: unix.B19200, 38400: unix.B38400, 57600: unix.B57600, 115200: unix.B115200, 230400: unix.B230400, 460800: unix.B460800,
	500000: unix.B500000, 921600: unix.B921600, 1000000: unix.B1000000, 2000000: unix.B2000000,
}

func openSerial(path string, baud int) (Port, error) {
	speed, ok := speeds[baud]
	if !ok {
		return nil, &os.PathError{Op: "open", Path: path, Err: errSpeed}
	}
	fd, err := retryEINTR(func() (int, error) {
		return unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	p, err := setUpSerial(fd, path, speed)
	if err != nil {
		unix.Close(fd)
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return p, nil
}

func setUpSerial(fd int, path string, speed uint32) (*serialPort, error) {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err // ENOTTY: not a serial device
	}
	// Other programs of this field take the same lock.
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	p := &serialPort{pty: unix.Major(st.Rdev) >= 136 && unix.Major(st.Rdev) <= 143}
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON | unix.IXOFF | unix.IXANY | unix.INPCK
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag &^= unix.CSIZE | unix.PARENB | unix.CSTOPB | unix.CRTSCTS | unix.CBAUD
	t.Cflag |= unix.CS8 | unix.CREAD | unix.CLOCAL | speed
	t.Ispeed, t.Ospeed = speed, speed
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, t); err != nil {
		return nil, err
	}
	if !p.pty {
		// Keeps programs that do not know the lock away until the last close. A pty would stay closed to others for as long as its far end lives.
		_ = unix.IoctlSetInt(fd, unix.TIOCEXCL, 0)
	}
	// What arrived before is not for us.
	_ = unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIOFLUSH)
	if p.f = os.NewFile(uintptr(fd), path); p.f == nil {
		return nil, fmt.Errorf("bad file descriptor %d", fd)
	}
	return p, nil
}

// Read implements Port.
func (p *serialPort) Read(b []byte) (int, error) { return p.f.Read(b) }

// Write implements Port.
func (p *serialPort) Write(b []byte) (int, error) { return p.f.Write(b) }

// SetReadDeadline implements Port.
func (p *serialPort) SetReadDeadline(t time.Time) error { return p.f.SetReadDeadline(t) }

// SetWriteDeadline bounds a write to a dongle that takes no more bytes.
func (p *serialPort) SetWriteDeadline(t time.Time) error { return p.f.SetWriteDeadline(t) }

// Close implements Port. What the line has not carried is forgotten: a kernel would go on for as long as half a minute.
func (p *serialPort) Close() error {
	if c, err := p.f.SyscallConn(); err == nil {
		_ = c.Control(func(fd uintptr) { _ = unix.IoctlSetInt(int(fd), unix.TCFLSH, unix.TCOFLUSH) })
	}
	return p.f.Close()
}

// Unsent implements outQueue.
func (p *serialPort) Unsent() int { return unsent(p.f) }

// unsent asks the kernel how many bytes of a tty's or a socket's wait to be carried (tty_ioctl(4), tcp(7)).
func unsent(f syscall.Conn) (n int) {
	c, err := f.SyscallConn()
	if err != nil {
		return 0
	}
	_ = c.Control(func(fd uintptr) {
		if n, err = unix.IoctlGetInt(int(fd), unix.TIOCOUTQ); err != nil {
			n = 0
		}
	})
	return n
}

// SetModemLines sets DTR and RTS. On a line that has none, a pty for instance, it does nothing.
func (p *serialPort) SetModemLines(dtr, rts bool) error {
	c, err := p.f.SyscallConn()
	if err != nil {
		return err
	}
	set, clear := 0, 0
	if dtr {
		set |= unix.TIOCM_DTR
	} else {
		clear |= unix.TIOCM_DTR
	}
	if rts {
		set |= unix.TIOCM_RTS
	} else {
		clear |= unix.TIOCM_RTS
	}
	var ioErr error
	if err := c.Control(func(fd uintptr) {
		ioErr = errors.Join(unix.IoctlSetPointerInt(int(fd), unix.TIOCMBIS, set), unix.IoctlSetPointerInt(int(fd), unix.TIOCMBIC, clear))
	}); err != nil {
		return err
	}
	if errors.Is(ioErr, unix.ENOTTY) || errors.Is(ioErr, unix.EINVAL) {
		return nil
	}
	return ioErr
}

func retryEINTR(f func() (int, error)) (int, error) {
	for {
		n, err := f()
		if err != unix.EINTR {
			return n, err
		}
	}
}
