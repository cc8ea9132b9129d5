package mt

import (
	"bytes"
	"time"
)

// Counters says what a Parser met since it was made.
type Counters struct {
	Frames  uint64 // whole frames with a good FCS
	FCS     uint64 // frames refused for their check sequence
	Length  uint64 // frames refused for a length above 250
	Timeout uint64 // frames given up because their rest did not come
	Garbage uint64 // bytes skipped outside frames
}

// Parser cuts a byte stream into frames. After a bad length or a bad check sequence it goes on at the next SOF among the bytes it already has, so that
// one mangled frame does not take a good one with it. It keeps at most one frame's bytes between calls. The zero value is ready.
type Parser struct {
	// Gap is the longest pause between two bytes of one frame; zero means no limit. A frame whose rest stays away longer is given up, and what came
	// of it is searched for the start of another.
	Gap time.Duration
	// Counters may be read between calls of Feed.
	Counters Counters

	buf  []byte
	last time.Time
}

// Feed takes the bytes p that arrived at now and calls emit for every frame that they complete, in order. The payload given to emit is valid until emit
// returns. Pass the zero time where Gap is not used.
func (p *Parser) Feed(now time.Time, in []byte, emit func(Frame)) {
	if p.Gap > 0 && now.Sub(p.last) > p.Gap {
		p.Expire(emit)
	}
	p.last = now
	for len(in) > 0 {
		if len(p.buf) == 0 {
			i := bytes.IndexByte(in, SOF)
			if i < 0 {
				p.Counters.Garbage += uint64(len(in))
				return
			}
			p.Counters.Garbage += uint64(i)
			in = in[i:]
		}
		n := min(len(in), MaxPayload+overhead)
		p.buf = append(p.buf, in[:n]...)
		in = in[n:]
		p.scan(emit)
	}
}

// Expire gives up an unfinished frame, because its rest stays away, and emits the whole frames that hid behind its start. Call it when the line was silent
// for longer than Gap while Pending was not zero.
func (p *Parser) Expire(emit func(Frame)) {
	if len(p.buf) > 0 {
		p.Counters.Timeout++
	}
	for len(p.buf) > 0 {
		p.Counters.Garbage++
		p.buf = append(p.buf[:0], p.buf[1:]...)
		p.scan(emit)
	}
}

// Pending returns how many bytes of an unfinished frame wait for more.
func (p *Parser) Pending() int { return len(p.buf) }

// Reset forgets an unfinished frame; the counters stay.
func (p *Parser) Reset() { p.buf = p.buf[:0] }

// scan emits every whole frame in buf and leaves an unfinished one at its start.
func (p *Parser) scan(emit func(Frame)) {
	b := p.buf
	for len(b) > 0 {
		if b[0] != SOF {
			i := bytes.IndexByte(b, SOF)
			if i < 0 {
				i = len(b)
			}
			p.Counters.Garbage += uint64(i)
			b = b[i:]
			continue
		}
		if len(b) < 2 {
			break
		}
		n := int(b[1])
		if n > MaxPayload {
			p.Counters.Length++
			p.Counters.Garbage++
			b = b[1:]
			continue
		}
		if len(b) < n+overhead {
			break
		}
		if FCS(b[1:n+4]) != b[n+4] {
			p.Counters.FCS++
			p.Counters.Garbage++
			b = b[1:]
			continue
		}
		p.Counters.Frames++
		emit(Frame{Command: Command(b[2])<<8 | Command(b[3]), Payload: b[4 : n+4 : n+4]})
		b = b[n+overhead:]
	}
	p.buf = append(p.buf[:0], b...)
}
