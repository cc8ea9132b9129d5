package controller

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Response is a raw HTTP answer.
type Response struct {
	Code   int
	Header map[string]string // names in lower case
	Body   []byte

	event bool
}

func appendRequest(dst []byte, method, target, contentType string, body []byte) []byte {
	dst = append(dst, method+" "+target+" HTTP/1.1\r\nHost: accessory\r\n"...)
	if contentType != "" {
		dst = append(dst, "Content-Type: "+contentType+"\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n"...)
	}
	dst = append(dst, '\r', '\n')
	return append(dst, body...)
}

// read takes answers and events apart until the connection ends.
func (c *Conn) read() {
	defer close(c.ended)
	var raw, plain []byte
	buf := make([]byte, 4096)
	for {
		n, err := c.nc.Read(buf)
		raw = append(raw, buf[:n]...)
		if raw, plain, err = c.decrypt(raw, plain, err); err == nil {
			plain, err = c.deliver(plain)
		}
		if err != nil {
			c.mu.Lock()
			c.err = err
			c.mu.Unlock()
			c.nc.Close()
			return
		}
	}
}

func (c *Conn) decrypt(raw, plain []byte, rerr error) ([]byte, []byte, error) {
	c.keyMu.Lock()
	defer c.keyMu.Unlock()
	if c.opener == nil {
		return nil, append(plain, raw...), rerr
	}
	for len(raw) > 0 {
		out, used, err := c.opener.Open(plain, raw)
		if err != nil {
			return raw, plain, fmt.Errorf("%w: %w", ErrProtocol, err)
		}
		if used == 0 {
			break
		}
		plain, raw = out, raw[used:]
	}
	return raw, plain, rerr
}

// deliver hands out every whole message.
func (c *Conn) deliver(plain []byte) ([]byte, error) {
	for {
		r, used, err := parseResponse(plain)
		if err != nil || used == 0 {
			return plain, err
		}
		plain = plain[used:]
		if !r.event {
			select {
			case c.answers <- r:
			default:
				return plain, fmt.Errorf("%w: an answer to no question", ErrProtocol)
			}
			continue
		}
		results, err := parseResults(r.Body)
		if err != nil {
			return plain, err
		}
		c.mu.Lock()
		c.events = append(c.events, results)
		c.mu.Unlock()
		select {
		case c.arrive <- struct{}{}:
		default:
		}
	}
}

// parseResponse returns used 0 while the message is incomplete.
func parseResponse(b []byte) (*Response, int, error) {
	at := bytes.Index(b, []byte("\r\n\r\n"))
	if at < 0 {
		return nil, 0, nil
	}
	lines := strings.Split(string(b[:at]), "\r\n")
	version, rest, _ := strings.Cut(lines[0], " ")
	code, _, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(code)
	if err != nil || version != "HTTP/1.1" && version != "EVENT/1.0" {
		return nil, 0, fmt.Errorf("%w: status line %q", ErrProtocol, lines[0])
	}
	r := &Response{Code: n, Header: make(map[string]string), event: version == "EVENT/1.0"}
	for _, l := range lines[1:] {
		k, v, ok := strings.Cut(l, ":")
		if !ok {
			return nil, 0, fmt.Errorf("%w: header %q", ErrProtocol, l)
		}
		r.Header[strings.ToLower(k)] = strings.TrimSpace(v)
	}
	body := b[at+4:]
	if strings.EqualFold(r.Header["transfer-encoding"], "chunked") {
		used, err := r.chunks(body)
		if err != nil || used == 0 {
			return nil, 0, err
		}
		return r, at + 4 + used, nil
	}
	length := 0
	if v, ok := r.Header["content-length"]; ok {
		if length, err = strconv.Atoi(v); err != nil || length < 0 {
			return nil, 0, fmt.Errorf("%w: content length %q", ErrProtocol, v)
		}
	}
	if len(body) < length {
		return nil, 0, nil
	}
	r.Body = bytes.Clone(body[:length])
	return r, at + 4 + length, nil
}

// chunks reads a chunked body, which other accessories send.
func (r *Response) chunks(b []byte) (used int, err error) {
	for {
		line, _, ok := bytes.Cut(b[used:], []byte("\r\n"))
		if !ok {
			return 0, nil
		}
		n, err := strconv.ParseUint(string(line), 16, 31)
		if err != nil {
			return 0, fmt.Errorf("%w: chunk size %q", ErrProtocol, line)
		}
		start := used + len(line) + 2
		if len(b) < start+int(n)+2 {
			return 0, nil
		}
		r.Body = append(r.Body, b[start:start+int(n)]...)
		used = start + int(n) + 2
		if n == 0 {
			return used, nil
		}
	}
}

// Result is one entry of an answer.
type Result struct {
	ID
	Status int
	Value  any // float64, string, bool, nil
}

func parseResults(body []byte) ([]Result, error) {
	var m struct {
		Characteristics []struct {
			AID    uint64 `json:"aid"`
			IID    uint64 `json:"iid"`
			Status int    `json:"status"`
			Value  any    `json:"value"`
		} `json:"characteristics"`
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, fmt.Errorf("%w: body %q: %w", ErrProtocol, body, err)
	}
	out := make([]Result, len(m.Characteristics))
	for i, r := range m.Characteristics {
		out[i] = Result{ID{r.AID, r.IID}, r.Status, r.Value}
	}
	return out, nil
}

func (r Result) String() string {
	return fmt.Sprintf("%d.%d=%v (%d)", r.AID, r.IID, r.Value, r.Status)
}
