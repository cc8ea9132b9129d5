package lockfw

// Kinds of nonsense in Get PIN responses, as further values of Behaviour.GetPIN.
const (
	getShort    = "short"    // cut off after the slot
	getOverlong = "overlong" // the code's length says more than there is
	getSlot     = "slot"     // another slot than was asked for
	getStatus   = "status"   // a user status that does not exist
	getLetters  = "letters"  // a code that is no digits
)

// nonsense spoils a Get PIN response as the switch says.
func (b *Behaviour) nonsense(resp []byte) []byte {
	switch b.GetPIN {
	case getShort:
		return resp[:2]
	case getOverlong:
		resp[4] += 40
	case getSlot:
		return append(put16(nil, 77), resp[2:]...)
	case getStatus:
		resp[2] = 0xA5
	case getLetters:
		for i := range resp[5:] {
			resp[5+i] = 'A'
		}
	}
	return resp
}
