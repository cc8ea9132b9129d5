package mt

import (
	"errors"
	"fmt"
)

// SOF starts every frame (Z-Stack Monitor and Test API section 2.1.1, UART transport).
const SOF = 0xFE

// MaxPayload is the longest payload of a frame, in bytes.
const MaxPayload = 250

// overhead counts the bytes around a payload: SOF, length, two command bytes and the FCS.
const overhead = 5

// Errors of this package. The ones that Parse returns wrap one of the last three.
var (
	// ErrTooLong: the payload does not fit into one frame.
	ErrTooLong = errors.New("mt: payload longer than 250 bytes")
	// ErrShort: the payload ends before the message does.
	ErrShort = errors.New("mt: message cut short")
	// ErrMalformed: a field of the message contradicts another.
	ErrMalformed = errors.New("mt: malformed message")
	// ErrUnknown: this package has no layout for the command.
	ErrUnknown = errors.New("mt: unknown command")
)

// Frame is one frame without its framing.
type Frame struct {
	Command Command
	Payload []byte
}

// FCS is the frame check sequence: XOR of all bytes given, which are those from the length to the end of the payload.
func FCS(b []byte) byte {
	var x byte
	for _, c := range b {
		x ^= c
	}
	return x
}

// AppendFrame appends the frame, SOF to FCS. It returns dst unchanged and ErrTooLong if the payload does not fit.
func AppendFrame(dst []byte, cmd Command, payload []byte) ([]byte, error) {
	if len(payload) > MaxPayload {
		return dst, fmt.Errorf("%v: %w", cmd, ErrTooLong)
	}
	start := len(dst) + 1
	dst = append(dst, SOF, byte(len(payload)), byte(cmd>>8), byte(cmd))
	dst = append(dst, payload...)
	return append(dst, FCS(dst[start:])), nil
}

// Append appends the frame that carries m, SOF to FCS. It returns dst unchanged and ErrTooLong if the message does not fit.
func Append(dst []byte, m Message) ([]byte, error) {
	start := len(dst)
	cmd := m.Command()
	out := append(dst, SOF, 0, byte(cmd>>8), byte(cmd))
	out = m.AppendPayload(out)
	n := len(out) - start - 4
	if n > MaxPayload {
		return dst, fmt.Errorf("%v: %w", cmd, ErrTooLong)
	}
	out[start+1] = byte(n)
	return append(out, FCS(out[start+1:])), nil
}
