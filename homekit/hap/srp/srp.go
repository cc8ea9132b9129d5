// Package srp is SRP-6a as HomeKit uses it (HAP R2 section 4.4, RFC 5054):
// the 3072-bit group with generator 5, SHA-512, user name "Pair-Setup".
//
// Implementations differ in whether they hash public keys, the premaster
// secret and proofs with their leading zeros. Ours sends none that have any,
// and accepts a peer's in either form.
//
// The arithmetic is math/big's and so not in constant time; a private key
// serves for one attempt, and attempts are counted by the caller.
package srp

import (
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"hash"
	"io"
	"math/big"
)

// User is the name every HomeKit pairing uses.
const User = "Pair-Setup"

// Errors of an exchange.
var (
	ErrPublicKey = errors.New("srp: public key is 0 modulo N or longer than N")
	ErrProof     = errors.New("srp: proof is wrong")
)

// params are a group with its hash.
type params struct {
	n, g *big.Int
	size int // octets of n
	hash func() hash.Hash
	k    *big.Int // H(N | PAD(g))
	ng   []byte   // H(N) xor H(g)
}

func newParams(nHex string, g int64, h func() hash.Hash) *params {
	n, ok := new(big.Int).SetString(nHex, 16)
	if !ok {
		panic("srp: group is not a number")
	}
	p := &params{n: n, g: big.NewInt(g), size: len(n.Bytes()), hash: h}
	p.k = new(big.Int).SetBytes(p.digest(n.Bytes(), p.pad(p.g)))
	p.ng = p.digest(n.Bytes())
	subtle.XORBytes(p.ng, p.ng, p.digest(p.g.Bytes()))
	return p
}

func (p *params) digest(parts ...[]byte) []byte {
	h := p.hash()
	for _, b := range parts {
		h.Write(b)
	}
	return h.Sum(nil)
}

func (p *params) pad(v *big.Int) []byte { return v.FillBytes(make([]byte, p.size)) }

func (p *params) x(salt []byte, user, password string) *big.Int {
	inner := p.digest([]byte(user), []byte(":"), []byte(password))
	return new(big.Int).SetBytes(p.digest(salt, inner))
}

func (p *params) verifier(salt []byte, user, password string) *big.Int {
	return new(big.Int).Exp(p.g, p.x(salt, user, password), p.n)
}

func (p *params) proof(salt, user, a, b, key []byte) []byte {
	return p.digest(p.ng, p.digest(user), salt, a, b, key)
}

// hap3072 is RFC 5054 appendix A's 3072-bit group.
var hap3072 = newParams(""+
	"FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"+
	"020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"+
	"4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"+
	"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"+
	"98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"+
	"9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"+
	"E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"+
	"3995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33"+
	"A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"+
	"ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864"+
	"D87602733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E2"+
	"08E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF", 5, sha512.New)

// Verifier is what an accessory keeps instead of the code.
type Verifier struct {
	p    *params
	user []byte
	salt []byte
	v    *big.Int
}

// NewVerifier computes the verifier of a setup code "XXX-XX-XXX" under a
// fresh salt of 16 octets.
func NewVerifier(code string) *Verifier {
	salt := make([]byte, 16)
	rand.Read(salt)
	return newVerifier(hap3072, salt, User, code)
}

func newVerifier(p *params, salt []byte, user, password string) *Verifier {
	return &Verifier{p: p, user: []byte(user), salt: salt, v: p.verifier(salt, user, password)}
}

// Server is the accessory's side of one exchange.
type Server struct {
	*Verifier
	b   *big.Int
	pub *big.Int
}

// NewServer draws a private key. Its public key has no leading zeros.
func (v *Verifier) NewServer() *Server {
	for {
		s := v.newServer(secret(rand.Reader))
		if s.pub.BitLen() > (v.p.size-1)*8 {
			return s
		}
	}
}

func (v *Verifier) newServer(b *big.Int) *Server {
	pub := new(big.Int).Exp(v.p.g, b, v.p.n) // B = kv + g^b
	pub.Add(pub, new(big.Int).Mul(v.p.k, v.v))
	return &Server{Verifier: v, b: b, pub: pub.Mod(pub, v.p.n)}
}

func secret(r io.Reader) *big.Int {
	b := make([]byte, 32)
	if _, err := io.ReadFull(r, b); err != nil {
		panic("srp: no randomness: " + err.Error()) // crypto/rand never fails
	}
	return new(big.Int).SetBytes(b)
}

// Salt returns s.
func (v *Verifier) Salt() []byte { return v.salt }

// PublicKey returns B.
func (s *Server) PublicKey() []byte { return s.pub.Bytes() }

// Check verifies the controller's proof under its public key. It returns the
// accessory's proof and the session key.
func (s *Server) Check(publicKey, proof []byte) (own, key []byte, err error) {
	p := s.p
	a := new(big.Int).SetBytes(publicKey)
	if a.BitLen() > p.size*8 || new(big.Int).Mod(a, p.n).Sign() == 0 {
		return nil, nil, ErrPublicKey
	}
	want := make([]byte, p.hash().Size())
	if len(proof) > len(want) {
		return nil, nil, ErrProof
	}
	copy(want[len(want)-len(proof):], proof)
	padded := p.pad(a)
	forms := variants(a.Bytes(), padded)
	for _, hashed := range forms { // u of A as padded, and as it may have been hashed
		u := new(big.Int).SetBytes(p.digest(hashed, p.pad(s.pub)))
		if u.Sign() == 0 {
			continue
		}
		secret := s.premaster(a, u)
		for _, sec := range variants(secret.Bytes(), p.pad(secret)) {
			k := p.digest(sec)
			for _, form := range forms {
				m := p.proof(s.salt, s.user, form, s.pub.Bytes(), k)
				if subtle.ConstantTimeCompare(m, want) == 1 {
					return p.digest(padded, m, k), k, nil
				}
			}
		}
	}
	return nil, nil, ErrProof
}

// premaster is (A v^u)^b.
func (s *Server) premaster(a, u *big.Int) *big.Int {
	base := new(big.Int).Exp(s.v, u, s.p.n)
	base.Mul(base, a).Mod(base, s.p.n)
	return base.Exp(base, s.b, s.p.n)
}

// variants gives one form if both are the same.
func variants(stripped, padded []byte) [][]byte {
	if len(stripped) == len(padded) {
		return [][]byte{padded}
	}
	return [][]byte{padded, stripped}
}

// Client is the controller's side.
type Client struct {
	p    *params
	user string
	code string
	a    *big.Int
	pub  *big.Int
	own  []byte
	key  []byte
}

// NewClient draws a private key.
func NewClient(code string) *Client { return newClient(hap3072, User, code, secret(rand.Reader)) }

func newClient(p *params, user, code string, a *big.Int) *Client {
	return &Client{p: p, user: user, code: code, a: a, pub: new(big.Int).Exp(p.g, a, p.n)}
}

// PublicKey returns A, padded.
func (c *Client) PublicKey() []byte { return c.p.pad(c.pub) }

// Proof answers the accessory's salt and public key with the controller's
// proof, as Apple's own implementation hashes it: without leading zeros.
func (c *Client) Proof(salt, publicKey []byte) ([]byte, error) {
	p := c.p
	b := new(big.Int).SetBytes(publicKey)
	if b.BitLen() > p.size*8 || new(big.Int).Mod(b, p.n).Sign() == 0 {
		return nil, ErrPublicKey
	}
	s := c.premaster(salt, b)
	c.key = p.digest(s.Bytes())
	c.own = p.proof(salt, []byte(c.user), c.pub.Bytes(), b.Bytes(), c.key)
	return c.own, nil
}

// premaster is (B - k g^x)^(a + ux).
func (c *Client) premaster(salt []byte, b *big.Int) *big.Int {
	p := c.p
	x := p.x(salt, c.user, c.code)
	u := new(big.Int).SetBytes(p.digest(p.pad(c.pub), p.pad(b)))
	base := new(big.Int).Exp(p.g, x, p.n)
	base.Mul(base, p.k).Sub(b, base).Mod(base, p.n)
	e := new(big.Int).Mul(u, x)
	return base.Exp(base, e.Add(e, c.a), p.n)
}

// Check verifies the accessory's proof and returns the session key.
func (c *Client) Check(proof []byte) ([]byte, error) {
	want := c.p.digest(c.PublicKey(), c.own, c.key)
	if subtle.ConstantTimeCompare(want, proof) != 1 {
		return nil, ErrProof
	}
	return c.key, nil
}
