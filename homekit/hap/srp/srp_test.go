package srp

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func number(t testing.TB, s string) *big.Int { return new(big.Int).SetBytes(unhex(t, s)) }

const (
	vecSalt = "BEB25379 D1A8581E B5A72767 3A2441EE"
	vecA    = "60975527 035CF2AD 1989806F 0407210B C81EDC04 E2762A56 AFD529DD DA2D4393"
	vecB    = "E487CB59 D31AC550 471E81F0 0F6928E0 1DDA08E9 74A004F4 9E61F5D1 05284D20"
)

// The inputs are RFC 5054 appendix B's; the results for the 3072-bit group
// with SHA-512 are the HomeKit Accessory Protocol Specification's, section
// "SRP Test Vectors".
func TestVectorsOfTheSpecification(t *testing.T) {
	wantA := `FAB6F5D2 615D1E32 3512E799 1CC37443 F487DA60 4CA8C923 0FCB04E5 41DCE628 0B27CA46 80B0374F 179DC3BD C7553FE6 2459798C 701AD864 A91390A2 8C93B644
		ADBF9C00 745B942B 79F9012A 21B9B787 82319D83 A1F83628 66FBD6F4 6BFC0DDB 2E1AB6E4 B45A9906 B82E37F0 5D6F97F6 A3EB6E18 2079759C 4F684783 7B62321A
		C1B4FA68 641FCB4B B98DD697 A0C73641 385F4BAB 25B79358 4CC39FC8 D48D4BD8 67A9A3C1 0F8EA121 70268E34 FE3BBE6F F89998D6 0DA2F3E4 283CBEC1 393D52AF
		724A5723 0C604E9F BCE583D7 613E6BFF D67596AD 121A8707 EEC46944 95703368 6A155F64 4D5C5863 B48F61BD BF19A53E AB6DAD0A 186B8C15 2E5F5D8C AD4B0EF8
		AA4EA500 8834C3CD 342E5E0F 167AD045 92CD8BD2 79639398 EF9E114D FAAAB919 E14E8509 89224DDD 98576D79 385D2210 902E9F9B 1F2D86CF A47EE244 635465F7
		1058421A 0184BE51 DD10CC9D 079E6F16 04E7AA9B 7CF7883C 7D4CE12B 06EBE160 81E23F27 A231D184 32D7D1BB 55C28AE2 1FFCF005 F57528D1 5A88881B B3BBB7FE`
	wantB := `40F57088 A482D4C7 733384FE 0D301FDD CA9080AD 7D4F6FDF 09A01006 C3CB6D56 2E41639A E8FA21DE 3B5DBA75 85B27558 9BDB2798 63C56280 7B2B9908 3CD1429C
		DBE89E25 BFBD7E3C AD3173B2 E3C5A0B1 74DA6D53 91E6A06E 465F037A 40062548 39A56BF7 6DA84B1C 94E0AE20 8576156F E5C140A4 BA4FFC9E 38C3B07B 88845FC6
		F7DDDA93 381FE0CA 6084C4CD 2D336E54 51C464CC B6EC65E7 D16E548A 273E8262 84AF2559 B6264274 215960FF F47BDD63 D3AFF064 D6137AF7 69661C9D 4FEE4738
		2603C88E AA098058 1D077584 61B777E4 356DDA58 35198B51 FEEA308D 70F75450 B71675C0 8C7D8302 FD7539DD 1FF2A11C B4258AA7 0D234436 AA42B6A0 615F3F91
		5D55CC3B 966B2716 B36E4D1A 06CE5E5D 2EA3BEE5 A1270E87 51DA45B6 0B997B0F FDB0F996 2FEE4F03 BEE780BA 0A845B1D 92714217 83AE6601 A61EA2E3 42E4F2E8
		BC935A40 9EAD19F2 21BD1B74 E2964DD1 9FC845F6 0EFC0933 8B60B6B2 56D8CAC8 89CCA306 CC370A0B 18C8B886 E95DA0AF 5235FEF4 393020D2 B7F30569 04759042`
	wantV := `9B5E0617 01EA7AEB 39CF6E35 19655A85 3CF94C75 CAF2555E F1FAF759 BB79CB47 7014E04A 88D68FFC 05323891 D4C205B8 DE81C2F2 03D8FAD1 B24D2C10 9737F1BE
		BBD71F91 2447C4A0 3C26B9FA D8EDB3E7 80778E30 2529ED1E E138CCFC 36D4BA31 3CC48B14 EA8C22A0 186B222E 655F2DF5 603FD75D F76B3B08 FF895006 9ADD03A7
		54EE4AE8 8587CCE1 BFDE3679 4DBAE459 2B7B904F 442B041C B17AEBAD 1E3AEBE3 CBE99DE6 5F4BB1FA 00B0E7AF 06863DB5 3B02254E C66E781E 3B62A821 2C86BEB0
		D50B5BA6 D0B478D8 C4E9BBCE C2176532 6FBD1405 8D2BBDE2 C33045F0 3873E539 48D78B79 4F0790E4 8C36AED6 E880F557 427B2FC0 6DB5E1E2 E1D7E661 AC482D18
		E528D729 5EF74372 95FF1A72 D4027717 13F16876 DD050AE5 B7AD53CC B90855C9 39566483 58ADFD96 6422F524 98732D68 D1D7FBEF 10D78034 AB8DCB6F 0FCF885C
		C2B2EA2C 3E6AC866 09EA058A 9DA8CC63 531DC915 414DF568 B09482DD AC1954DE C7EB714F 6FF7D44C D5B86F6B D1158109 30637C01 D0F6013B C9740FA2 C633BA89`
	wantU := `03AE5F3C 3FA9EFF1 A50D7DBB 8D2F60A1 EA66EA71 2D50AE97 6EE34641 A1CD0E51 C4683DA3 83E8595D 6CB56A15 D5FBC754 3E07FBDD D316217E 01A391A1 8EF06DFF`
	wantK := `5CBC219D B052138E E1148C71 CD449896 3D682549 CE91CA24 F098468F 06015BEB 6AF245C2 093F98C3 651BCA83 AB8CAB2B 580BBF02 184FEFDF 26142F73 DF95AC50`

	p, salt := hap3072, unhex(t, vecSalt)
	v := newVerifier(p, salt, "alice", "password123")
	if v.v.Cmp(number(t, wantV)) != 0 {
		t.Error("verifier")
	}
	c := newClient(p, "alice", "password123", number(t, vecA))
	if !bytes.Equal(c.PublicKey(), unhex(t, wantA)) {
		t.Error("A")
	}
	s := v.newServer(number(t, vecB))
	if !bytes.Equal(s.PublicKey(), unhex(t, wantB)) {
		t.Error("B")
	}
	if u := p.digest(c.PublicKey(), p.pad(s.pub)); !bytes.Equal(u, unhex(t, wantU)) {
		t.Error("u")
	}
	proof, err := c.Proof(salt, s.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	own, key, err := s.Check(c.PublicKey(), proof)
	if err != nil || !bytes.Equal(key, unhex(t, wantK)) {
		t.Errorf("K: %v", err)
	}
	if k, err := c.Check(own); err != nil || !bytes.Equal(k, key) {
		t.Errorf("M2: %v", err)
	}
}

// RFC 5054 appendix B itself: 1024 bits, SHA-1.
func TestVectorsOfRFC5054(t *testing.T) {
	p := newParams("EEAF0AB9ADB38DD69C33F80AFA8FC5E86072618775FF3C0B9EA2314C9C256576D674DF7496EA81D3383B4813D692C6E0E0D5D8E250B98BE48E495C1D6089DAD15DC7D7B46154D6B6CE8EF4AD69B15D4982559B297BCF1885C529F566660E57EC68EDBC3C05726CC02FD4CBF4976EAA9AFD5138FE8376435B9FC61D2FC0EB06E3",
		2, sha1.New)
	if p.k.Cmp(number(t, "7556AA04 5AEF2CDD 07ABAF0F 665C3E81 8913186F")) != 0 {
		t.Error("k")
	}
	v := newVerifier(p, unhex(t, vecSalt), "alice", "password123")
	if v.v.Cmp(number(t, `7E273DE8 696FFC4F 4E337D05 B4B375BE B0DDE156 9E8FA00A 9886D812 9BADA1F1 822223CA 1A605B53 0E379BA4 729FDC59 F105B478 7E5186F5
		C671085A 1447B52A 48CF1970 B4FB6F84 00BBF4CE BFBB1681 52E08AB5 EA53D15C 1AFF87B2 B9DA6E04 E058AD51 CC72BFC9 033B564E 26480D78 E955A5E2 9E7AB245 DB2BE315 E2099AFB`)) != 0 {
		t.Error("v")
	}
	c := newClient(p, "alice", "password123", number(t, vecA))
	if c.pub.Cmp(number(t, `61D5E490 F6F1B795 47B0704C 436F523D D0E560F0 C64115BB 72557EC4 4352E890 3211C046 92272D8B 2D1A5358 A2CF1B6E 0BFCF99F 921530EC
		8E393561 79EAE45E 42BA92AE ACED8251 71E1E8B9 AF6D9C03 E1327F44 BE087EF0 6530E69F 66615261 EEF54073 CA11CF58 58F0EDFD FE15EFEA B349EF5D 76988A36 72FAC47B 0769447B`)) != 0 {
		t.Error("A")
	}
	s := v.newServer(number(t, vecB))
	if !strings.HasPrefix(strings.ToUpper(hex.EncodeToString(s.PublicKey())), "BD0C61512C692C0CB6D041FA01BB152D4916A1E77AF46AE105393011BAF38964") {
		t.Error("B")
	}
}

// other is a controller that hashes in one of the ways found in the field.
type other struct {
	padHash, padSecret, padU bool
}

func (o other) proof(c *Client, salt, b []byte) (proof, key []byte) {
	p := c.p
	num := new(big.Int).SetBytes(b)
	form := func(v *big.Int, pad bool) []byte {
		if pad {
			return p.pad(v)
		}
		return v.Bytes()
	}
	u := new(big.Int).SetBytes(p.digest(form(c.pub, o.padU), form(num, o.padU)))
	x := p.x(salt, c.user, c.code)
	base := new(big.Int).Exp(p.g, x, p.n)
	base.Mul(base, p.k).Sub(num, base).Mod(base, p.n)
	e := new(big.Int).Mul(u, x)
	s := base.Exp(base, e.Add(e, c.a), p.n)
	key = p.digest(form(s, o.padSecret))
	return p.proof(salt, []byte(c.user), form(c.pub, o.padHash), form(num, o.padHash), key), key
}

// TestLeadingZeros has exchanges in which A or S begins with zero, with every
// sort of controller.
func TestLeadingZeros(t *testing.T) {
	const code = "482-73-619"
	v := newVerifier(hap3072, unhex(t, vecSalt), User, code)
	var zeroA *Client
	for i := int64(1); zeroA == nil; i++ {
		if c := newClient(hap3072, User, code, big.NewInt(100000+i)); len(c.pub.Bytes()) < hap3072.size {
			zeroA = c
		}
	}
	check := func(what string, s *Server, c *Client) {
		t.Helper()
		for _, o := range []other{{}, {true, false, true}, {false, true, true}, {true, true, true}, {false, false, true}, {true, true, false}} {
			proof, key := o.proof(c, v.salt, s.PublicKey())
			for _, a := range [][]byte{c.pub.Bytes(), c.PublicKey()} {
				_, got, err := s.Check(a, proof)
				if err != nil || !bytes.Equal(got, key) {
					t.Errorf("%s, %+v: %v", what, o, err)
				}
			}
			if _, _, err := s.Check(c.PublicKey(), proof[1:]); !errors.Is(err, ErrProof) && proof[0] != 0 {
				t.Errorf("%s: a shortened proof: %v", what, err)
			}
		}
	}
	check("leading zero in A", v.NewServer(), zeroA)

	s := v.newServer(number(t, vecB))
	c := newClient(hap3072, User, code, big.NewInt(900410)) // one in 256 has
	if _, err := c.Proof(v.salt, s.PublicKey()); err != nil {
		t.Fatal(err)
	}
	if len(c.premaster(v.salt, s.pub).Bytes()) == hap3072.size {
		t.Fatal("S has no leading zero any more")
	}
	check("leading zero in S", s, c)
}

// A proof that begins with a zero octet may come without it.
func TestProofWithoutItsLeadingZero(t *testing.T) {
	const code = "482-73-619"
	v := NewVerifier(code)
	s := v.NewServer()
	for i := int64(1); ; i++ {
		c := newClient(hap3072, User, code, big.NewInt(i))
		proof, err := c.Proof(v.salt, s.PublicKey())
		if err != nil {
			t.Fatal(err)
		}
		if proof[0] != 0 {
			if i > 5000 {
				t.Fatal("no such proof")
			}
			continue
		}
		if _, _, err := s.Check(c.PublicKey(), bytes.TrimLeft(proof, "\x00")); err != nil {
			t.Error(err)
		}
		return
	}
}

func TestRefusals(t *testing.T) {
	v := NewVerifier("482-73-619")
	s := v.NewServer()
	if len(s.PublicKey()) != hap3072.size {
		t.Error("B has leading zeros")
	}
	n := hap3072.n.Bytes()
	twice := new(big.Int).Lsh(hap3072.n, 1).Bytes()
	for _, a := range [][]byte{nil, {0}, n, twice, append([]byte{1}, n...)} {
		if _, _, err := s.Check(a, make([]byte, 64)); !errors.Is(err, ErrPublicKey) {
			t.Errorf("A of %d octets: %v", len(a), err)
		}
	}
	c := NewClient("482-73-618")
	proof, err := c.Proof(v.Salt(), s.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range [][]byte{proof, nil, make([]byte, 64), make([]byte, 65)} {
		if _, _, err := s.Check(c.PublicKey(), p); !errors.Is(err, ErrProof) {
			t.Errorf("proof of %d octets: %v", len(p), err)
		}
	}
	if _, err := c.Check(proof); !errors.Is(err, ErrProof) {
		t.Errorf("accessory's proof: %v", err)
	}
	if _, err := c.Proof(v.Salt(), n); !errors.Is(err, ErrPublicKey) {
		t.Errorf("B = N: %v", err)
	}
}

func BenchmarkVerifier(b *testing.B) {
	for b.Loop() {
		NewVerifier("482-73-619")
	}
}

func BenchmarkServer(b *testing.B) {
	v := NewVerifier("482-73-619")
	c := NewClient("482-73-619")
	for b.Loop() {
		s := v.NewServer()
		s.Check(c.PublicKey(), make([]byte, 64))
	}
}
