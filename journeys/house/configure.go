package house

import "github.com/latchkeyd/latchkey/configs"

// Configure has the daemons that are started from now on run with other settings; nil takes that back.
func (h *House) Configure(f func(*configs.Config)) { h.cfg.Configure = f }
