package systemd

import "embed"

// Files are the unit and its companions, by the names below. Where a package puts them: docs/install.md.
//
//go:embed files
var Files embed.FS

// Names in Files.
const (
	Unit     = "files/latchkey.service"  // /usr/lib/systemd/system/latchkey.service
	Sysusers = "files/latchkey.sysusers" // /usr/lib/sysusers.d/latchkey.conf
	Modules  = "files/latchkey.modules"  // /usr/lib/modules-load.d/latchkey.conf
	Udev     = "files/60-latchkey.rules" // /usr/lib/udev/rules.d/60-latchkey.rules
)
