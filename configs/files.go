package configs

import _ "embed"

// Reference is the reference configuration, every key with its default.
//
//go:embed latchkey.yaml
var Reference []byte
