package hap

import (
	"bytes"
	"errors"
	"strconv"
	"sync"
)

// Errors of a request that end its connection.
var (
	errBadRequest = errors.New("hap: malformed request")
	errTooLarge   = errors.New("hap: request too large")
)

// request is one HTTP/1.1 request; its parts are parts of the input.
type request struct {
	method string
	path   string
	query  []byte
	body   []byte
	size   int // octets it took
}

// parser finds requests in a growing input (RFC 9112, strictly: CRLF, no
// folding, no transfer codings, which HomeKit does not use).
type parser struct {
	scanned int // octets known not to end the header
	header  int // octets of line and headers, 0 while unknown
	length  int // of the body
	req     request
}

var crlf2 = []byte("\r\n\r\n")

// next returns whether in begins with a whole request.
func (p *parser) next(in []byte, maxHeader, maxBody int) (bool, error) {
	if p.header == 0 {
		at := bytes.Index(in[p.scanned:], crlf2)
		if at < 0 {
			if len(in) > maxHeader {
				return false, errTooLarge
			}
			p.scanned = max(0, len(in)-3)
			return false, p.early(in)
		}
		header := p.scanned + at + 4
		if header > maxHeader {
			return false, errTooLarge
		}
		if err := p.head(in[:header-2]); err != nil {
			return false, err
		}
		p.header = header
	}
	if p.length > maxBody {
		return false, errTooLarge
	}
	if len(in) < p.header+p.length {
		return false, nil
	}
	p.req.body = in[p.header : p.header+p.length]
	p.req.size = p.header + p.length
	return true, nil
}

// reset forgets the request that next found.
func (p *parser) reset() { *p = parser{} }

// early refuses what cannot become a request, before its end has come.
func (p *parser) early(in []byte) error {
	for i, c := range in[:min(len(in), 8)] {
		if c == ' ' && i > 0 {
			return nil
		}
		if c < 'A' || c > 'Z' {
			return errBadRequest
		}
	}
	if len(in) > 8 {
		return errBadRequest
	}
	return nil
}

// head parses the request line and headers, each ending in CRLF.
func (p *parser) head(in []byte) error {
	line, rest, _ := bytes.Cut(in, crlf2[:2])
	method, line, ok := bytes.Cut(line, []byte{' '})
	target, version, ok2 := bytes.Cut(line, []byte{' '})
	if !ok || !ok2 || !isMethod(method) || string(version) != "HTTP/1.1" || len(target) == 0 || target[0] != '/' {
		return errBadRequest
	}
	for _, c := range target {
		if c <= ' ' || c >= 0x7f {
			return errBadRequest
		}
	}
	path, query, _ := bytes.Cut(target, []byte{'?'})
	p.req = request{method: name(method), path: name(path), query: query}
	length := -1
	for len(rest) > 0 {
		var field []byte
		field, rest, _ = bytes.Cut(rest, crlf2[:2])
		key, value, ok := bytes.Cut(field, []byte{':'})
		if !ok || !isToken(key) || !isFieldValue(value) {
			return errBadRequest
		}
		value = bytes.Trim(value, " \t")
		switch {
		case bytes.EqualFold(key, []byte("Content-Length")):
			n, err := strconv.ParseUint(string(value), 10, 31)
			if err != nil || value[0] == '+' || length >= 0 && length != int(n) {
				return errBadRequest
			}
			length = int(n)
		case bytes.EqualFold(key, []byte("Transfer-Encoding")):
			return errBadRequest
		}
	}
	p.length = max(length, 0)
	return nil
}

// names are interned so that no request allocates them.
var names = func() map[string]string {
	m := make(map[string]string)
	for _, n := range []string{"GET", "PUT", "POST", "/accessories", "/characteristics", "/prepare", "/pairings",
		"/pair-setup", "/pair-verify", "/identify"} {
		m[n] = n
	}
	return m
}()

func name(b []byte) string {
	if n, ok := names[string(b)]; ok {
		return n
	}
	return string(b)
}

// isMethod wants capitals: there are no other methods in HomeKit.
func isMethod(b []byte) bool {
	for _, c := range b {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 7
}

func isToken(b []byte) bool {
	for _, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), c) >= 0:
		default:
			return false
		}
	}
	return len(b) > 0
}

func isFieldValue(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

const (
	typeJSON = "application/hap+json"
	typeTLV  = "application/pairing+tlv8"
)

var statusLines = map[int]string{
	200: "HTTP/1.1 200 OK\r\n",
	204: "HTTP/1.1 204 No Content\r\n",
	207: "HTTP/1.1 207 Multi-Status\r\n",
	400: "HTTP/1.1 400 Bad Request\r\n",
	404: "HTTP/1.1 404 Not Found\r\n",
	405: "HTTP/1.1 405 Method Not Allowed\r\n",
	413: "HTTP/1.1 413 Content Too Large\r\n",
	470: "HTTP/1.1 470 Connection Authorization Required\r\n",
	500: "HTTP/1.1 500 Internal Server Error\r\n",
}

const eventLine = "EVENT/1.0 200 OK\r\n"

// appendMessage writes a status line, the two headers HomeKit uses, a body.
func appendMessage(dst []byte, line, contentType string, body []byte) []byte {
	dst = append(dst, line...)
	if contentType != "" {
		dst = append(dst, "Content-Type: "...)
		dst = append(dst, contentType...)
		dst = append(dst, "\r\nContent-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(body)), 10)
		dst = append(dst, '\r', '\n')
	} else if line != statusLines[204] {
		dst = append(dst, "Content-Length: 0\r\n"...)
	}
	dst = append(dst, '\r', '\n')
	return append(dst, body...)
}

// buffers are reused between messages.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 2048); return &b }}

func getBuffer() *[]byte { return buffers.Get().(*[]byte) }

func putBuffer(b *[]byte) {
	if cap(*b) > 64<<10 {
		return
	}
	*b = (*b)[:0]
	buffers.Put(b)
}
