package hap

import (
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// R2 4.2.1.1 forbids the trivial codes; the rest are printed in the
// documentation of other accessory servers.
var knownCodes = map[string]bool{
	"000-00-000": true, "111-11-111": true, "222-22-222": true, "333-33-333": true, "444-44-444": true,
	"555-55-555": true, "666-66-666": true, "777-77-777": true, "888-88-888": true, "999-99-999": true,
	"123-45-678": true, "876-54-321": true,
	"001-02-003": true, "031-45-154": true, "111-22-333": true, "466-37-726": true, "518-08-582": true,
}

func randomBelow(n int64) int64 {
	v, err := rand.Int(rand.Reader, big.NewInt(n))
	if err != nil {
		panic("hap: no randomness: " + err.Error()) // crypto/rand never fails
	}
	return v.Int64()
}

// newCode draws a setup code "XXX-XX-XXX".
func newCode() string {
	for {
		d := fmt.Sprintf("%08d", randomBelow(100_000_000))
		if code := d[:3] + "-" + d[3:5] + "-" + d[5:]; !knownCodes[code] {
			return code
		}
	}
}

func validCode(code string) bool {
	if len(code) != 10 || code[3] != '-' || code[6] != '-' || knownCodes[code] {
		return false
	}
	_, err := strconv.ParseUint(strings.ReplaceAll(code, "-", ""), 10, 32)
	return err == nil
}

const setupIDAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

func newSetupID() string {
	b := make([]byte, 4)
	for i := range b {
		b[i] = setupIDAlphabet[randomBelow(int64(len(setupIDAlphabet)))]
	}
	return string(b)
}

// setupURI is the text of the QR code: 46 bits in base 36 (3 version, 4
// reserved, 8 category, 4 flags of which 2 says IP, 27 code), then the setup
// identifier.
func setupURI(code, setupID string, category byte) string {
	n, err := strconv.ParseUint(strings.ReplaceAll(code, "-", ""), 10, 32)
	if err != nil {
		return ""
	}
	const flagIP = 2
	payload := uint64(category)<<31 | flagIP<<27 | n
	text := strings.ToUpper(strconv.FormatUint(payload, 36))
	return "X-HM://" + strings.Repeat("0", max(0, 9-len(text))) + text + setupID
}

// setupHash is the TXT record's sh.
func setupHash(setupID, deviceID string) string {
	sum := sha512.Sum512([]byte(setupID + deviceID))
	return base64.StdEncoding.EncodeToString(sum[:4])
}
