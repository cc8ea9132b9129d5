package znp

import "crypto/aes"

// hashMMO is the Matyas-Meyer-Oseas hash over AES-128 (Zigbee specification annex B.6), for messages shorter than 8 KiB.
func hashMMO(msg []byte) (h [16]byte) {
	padded := append(append([]byte(nil), msg...), 0x80)
	for len(padded)%16 != 14 {
		padded = append(padded, 0)
	}
	bits := len(msg) * 8
	padded = append(padded, byte(bits>>8), byte(bits))
	for ; len(padded) > 0; padded = padded[16:] {
		b, err := aes.NewCipher(h[:])
		if err != nil {
			panic(err) // the key has the right length
		}
		b.Encrypt(h[:], padded[:16])
		for i := range h {
			h[i] ^= padded[i]
		}
	}
	return h
}
