package hap

// TLV types of the pairing messages (R2 table 5-6).
const (
	tlvMethod      = 0x00
	tlvIdentifier  = 0x01
	tlvSalt        = 0x02
	tlvPublicKey   = 0x03
	tlvProof       = 0x04
	tlvEncrypted   = 0x05
	tlvState       = 0x06
	tlvError       = 0x07
	tlvPermissions = 0x0b
	tlvSignature   = 0x0a
	tlvSeparator   = 0xff
)

// Error codes (R2 table 5-5).
const (
	codeUnknown        = 0x01
	codeAuthentication = 0x02
	codeMaxPeers       = 0x04
	codeMaxTries       = 0x05
	codeUnavailable    = 0x06
	codeBusy           = 0x07
)

// Methods (R2 table 5-3).
const (
	methodSetupAuth = 1 // and 0, without MFi authentication
	methodAdd       = 3
	methodRemove    = 4
	methodList      = 5
)

// maxIdentifier is the longest pairing identifier, a UUID's text.
const maxIdentifier = 36
