package znp

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// Fault is an error that a person can do something about. Its text is a sentence that says what is wrong and what to do.
type Fault struct {
	Sentence string
	Fatal    bool // waiting and trying again cannot mend it
	Err      error
}

// Error returns the sentence.
func (f *Fault) Error() string { return f.Sentence }

// Unwrap returns the cause, which may be nil.
func (f *Fault) Unwrap() error { return f.Err }

// fatal says whether err carries a Fault that waiting cannot mend.
func fatal(err error) bool {
	var f *Fault
	return errors.As(err, &f) && f.Fatal
}

// sentence returns what to show a person about err, which happened on port.
func sentence(port string, err error) string {
	var f *Fault
	if errors.As(err, &f) {
		return f.Sentence
	}
	for _, gone := range []error{io.EOF, io.ErrClosedPipe, syscall.EIO, syscall.ENODEV, syscall.ENXIO, syscall.ECONNRESET, syscall.EPIPE, syscall.ETIMEDOUT} {
		if errors.Is(err, gone) {
			return fmt.Sprintf("The Zigbee dongle at %s was unplugged or lost power. Plug it in again.", port)
		}
	}
	return fmt.Sprintf("The Zigbee dongle at %s stopped working (%v). It is being opened again; if this goes on, unplug it and plug it in again.", port, err)
}
