package hap

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/brutella/hap/accessory"

	"github.com/latchkeyd/latchkey/homekit/hap/controller"
	"github.com/latchkeyd/latchkey/homekit/hap/frame"
	"github.com/latchkeyd/latchkey/homekit/hap/srp"
	"github.com/latchkeyd/latchkey/homekit/hap/tlv8"
)

// fuzzServer is a server without sockets.
func fuzzServer(t *testing.T) (*Server, *gadget) {
	t.Helper()
	g := newGadget(1, "Gadget")
	h := NewHost(Config{Advertiser: Off, Address: "127.0.0.1"})
	s, err := h.newServer(ServerConfig{Key: "one", Name: "Gadget", Store: Memory(), Accessories: []*accessory.A{g.a}})
	if err != nil {
		t.Fatal(err)
	}
	s.ln.Close()
	t.Cleanup(s.stop)
	return s, g
}

// session joins a connection that is verified already.
func fuzzSession(t *testing.T, s *Server) (near net.Conn, seal *frame.Sealer, open *frame.Opener) {
	t.Helper()
	id := controller.NewIdentity()
	s.pairings.Store(&pairingSet{id.ID: {ID: id.ID, LTPK: id.LTPK(), Admin: true}})
	near, far := net.Pipe()
	c := newConn(s, far)
	c.controller.Store(&id.ID)
	in, out := make([]byte, 32), bytes.Repeat([]byte{1}, 32)
	var err error
	must := func(e error) {
		if e != nil {
			t.Fatal(e)
		}
	}
	c.opener, err = frame.NewOpener(in)
	must(err)
	c.sealer, err = frame.NewSealer(out)
	must(err)
	seal, err = frame.NewSealer(in)
	must(err)
	open, err = frame.NewOpener(out)
	must(err)
	s.conns[c] = struct{}{}
	s.tasks.Go(c.serve)
	return near, seal, open
}

// FuzzHTTPOverFrames feeds a verified session: what must hold is that every
// octet that comes back is a frame of a well-formed message, and that a
// characteristic that wants timed writes has not moved without /prepare.
func FuzzHTTPOverFrames(f *testing.F) {
	add := func(split byte, reqs ...string) { f.Add([]byte(strings.Join(reqs, "")), split, false) }
	put := func(body string) string {
		return "PUT /characteristics HTTP/1.1\r\nContent-Length: " + itoa(len(body)) + "\r\n\r\n" + body
	}
	add(0, "GET /accessories HTTP/1.1\r\n\r\n")
	add(7, "GET /characteristics?id=1.9,1.10&meta=1&perms=1&type=1&ev=1 HTTP/1.1\r\n\r\n", put(`{"characteristics":[{"aid":1,"iid":9,"value":true,"ev":true}]}`))
	add(1, put(`{"characteristics":[{"aid":1,"iid":10,"value":0}]}`))
	add(255, put(`{"characteristics":[{"aid":1,"iid":14,"value":"AQEB","r":true,"authData":"AA=="}],"pid":3}`))
	add(20, "PUT /prepare HTTP/1.1\r\nContent-Length: 20\r\n\r\n"+`{"ttl":1000,"pid":3}`)
	add(3, "POST /pairings HTTP/1.1\r\nContent-Length: 6\r\n\r\n\x06\x01\x01\x00\x01\x05")
	add(0, "POST /pair-verify HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n")
	f.Add([]byte{0, 4, 1, 2, 3}, byte(0), true)
	f.Add([]byte{255, 255, 1, 2, 3}, byte(0), true)
	f.Fuzz(func(t *testing.T, data []byte, split byte, clear bool) {
		if len(data) > 1<<16 {
			return
		}
		s, g := fuzzServer(t)
		near, seal, open := fuzzSession(t, s)
		answers := make(chan []byte, 1)
		go func() {
			b, _ := io.ReadAll(near)
			answers <- b
		}()
		if clear {
			near.Write(data)
		} else {
			for rest := data; len(rest) > 0; {
				n := min(len(rest), int(split)*4+1)
				if _, err := near.Write(seal.Seal(nil, rest[:n])); err != nil {
					break
				}
				rest = rest[n:]
			}
		}
		near.Close()
		s.stop()
		checkAnswers(t, open, <-answers)
		if got := s.Get(g.target); got != 1 && !bytes.Contains(data, []byte("/prepare")) {
			t.Errorf("target moved to %v", got)
		}
	})
}

// checkAnswers wants whole frames, except that the pipe may end within one.
func checkAnswers(t *testing.T, open *frame.Opener, sealed []byte) {
	t.Helper()
	var plain []byte
	for len(sealed) > 0 {
		out, used, err := open.Open(plain, sealed)
		if err != nil {
			t.Fatalf("an answer does not decrypt: %v", err)
		}
		if used == 0 {
			break
		}
		plain, sealed = out, sealed[used:]
	}
	for len(plain) > 0 {
		head, rest, ok := bytes.Cut(plain, []byte("\r\n\r\n"))
		if !ok {
			return
		}
		if !bytes.HasPrefix(head, []byte("HTTP/1.1 ")) && !bytes.HasPrefix(head, []byte("EVENT/1.0 ")) {
			t.Fatalf("answer begins %q", head)
		}
		n := 0
		if _, v, ok := bytes.Cut(head, []byte("Content-Length: ")); ok {
			for _, c := range v {
				if c < '0' || c > '9' {
					break
				}
				n = n*10 + int(c-'0')
			}
		}
		if len(rest) < n {
			return
		}
		if body := rest[:n]; n > 0 && bytes.Contains(head, []byte(typeJSON)) && !json.Valid(body) {
			t.Fatalf("body is no JSON: %q", body)
		}
		plain = rest[n:]
	}
}

func itoa(n int) string {
	b, _ := json.Marshal(n)
	return string(b)
}

// FuzzPairSetup plays any order of messages, one an octet, on two
// connections; no order pairs.
func FuzzPairSetup(f *testing.F) {
	f.Add([]byte{0, 2, 3})
	f.Add([]byte{0, 8, 2, 10, 3, 11})
	f.Add([]byte{3, 0, 3, 2, 3})
	f.Add([]byte{0, 1, 0, 4, 5, 6, 7})
	f.Fuzz(func(t *testing.T, ops []byte) {
		if len(ops) > 24 {
			return
		}
		s, _ := fuzzServer(t)
		var conns [2]*controller.Conn
		var salt, pub [2][]byte
		for i := range conns {
			near, far := net.Pipe()
			s.join(far)
			conns[i] = controller.NewConn(near)
			defer conns[i].Close()
		}
		ctx := testContext(t)
		for _, op := range ops {
			i := int(op>>3) & 1
			var body []byte
			switch op & 7 {
			case 0:
				body = []byte{tlvMethod, 1, 0, tlvState, 1, 1}
			case 1:
				body = []byte{tlvMethod, 1, op >> 4, tlvState, 1, 1}
			case 2:
				client := srp.NewClient(wrong(s.SetupCode()))
				proof := make([]byte, 64)
				if pub[i] != nil {
					var err error
					if proof, err = client.Proof(salt[i], pub[i]); err != nil {
						t.Fatal(err)
					}
				}
				body = tlv8.Append(tlv8.Append([]byte{tlvState, 1, 3}, tlvPublicKey, client.PublicKey()), tlvProof, proof)
			case 3:
				body = tlv8.Append([]byte{tlvState, 1, 5}, tlvEncrypted, forgeM5(t, make([]byte, 64)))
			case 4:
				body = tlv8.Append(tlv8.Append([]byte{tlvState, 1, 3}, tlvPublicKey, make([]byte, 384)), tlvProof, make([]byte, 64))
			case 5:
				body = []byte{tlvState, 1, op >> 4}
			case 6:
				body = ops
			case 7:
				body = tlv8.Append([]byte{tlvState, 1, 5}, tlvEncrypted, ops)
			}
			is, err := conns[i].Exchange(ctx, "/pair-setup", body)
			if state, _ := is.Byte(tlvState); err == nil && state != 2 {
				t.Fatalf("state %d reached without the code", state)
			} else if err == nil {
				salt[i], _ = is.Get(tlvSalt)
				pub[i], _ = is.Get(tlvPublicKey)
			}
			if s.Paired() {
				t.Fatal("paired without the code")
			}
		}
	})
}

// FuzzJSON compares with encoding/json: what we take must be JSON, and what
// is JSON of little depth we must take.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"characteristics":[{"aid":1,"iid":9,"value":true,"ev":false}],"pid":1}`, `[1,-0.5e+3,"\u00e4\"",null,{}]`, `{"a":01}`, `"\x"`, `tru`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := scanner{b: data}
		tok, err := s.value(0)
		took := err == nil && s.end()
		if valid := json.Valid(data); took != valid && (took || bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) <= maxDepth) {
			t.Fatalf("took %v, valid %v", took, valid)
		}
		if !took {
			return
		}
		if v, ok := tok.text(); ok {
			var w string
			if err := json.Unmarshal(tok.raw, &w); err != nil || v != w {
				t.Errorf("%q read as %q", tok.raw, v)
			}
			if again := appendString(nil, v); !json.Valid(again) {
				t.Errorf("%q written as %s", v, again)
			}
		}
	})
}
