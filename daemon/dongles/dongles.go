// Package dongles finds serial devices that may be Zigbee dongles (udev's /dev/serial/by-id and the kernel's sysfs, Documentation/ABI/stable/sysfs-bus-usb)
// and says for each how sure that is. It opens none.
package dongles

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Likelihood that a device is a dongle with a Texas Instruments network processor.
type Likelihood int

// Likelihoods.
const (
	Other    Likelihood = iota // another brand's dongle, or no dongle
	Possible                   // a chip that such dongles carry, and many other devices too
	Likely                     // says itself what it is
)

func (l Likelihood) String() string { return [...]string{"other", "possible", "likely"}[l] }

// Device is a serial device.
type Device struct {
	Path         string     `json:"path"` // best one: by-id where there is one
	Node         string     `json:"node"` // /dev/ttyUSB0
	Vendor       string     `json:"vendor,omitempty"`
	Product      string     `json:"product_id,omitempty"`
	Manufacturer string     `json:"manufacturer,omitempty"`
	Name         string     `json:"name,omitempty"`
	Serial       string     `json:"serial,omitempty"`
	Likelihood   Likelihood `json:"-"`
	Why          string     `json:"why"`
}

// Find lists serial devices under root ("/" on a real machine), the likeliest first.
func Find(root string) ([]Device, error) {
	byID, err := filepath.Glob(filepath.Join(root, "dev/serial/by-id/*"))
	if err != nil {
		return nil, err
	}
	best := map[string]string{} // node → by-id path
	for _, link := range byID {
		if target, err := os.Readlink(link); err == nil {
			best[filepath.Base(target)] = "/dev/serial/by-id/" + filepath.Base(link)
		}
	}
	var out []Device
	for _, pattern := range []string{"ttyUSB*", "ttyACM*", "ttyAMA*"} {
		nodes, err := filepath.Glob(filepath.Join(root, "dev", pattern))
		if err != nil {
			return nil, err
		}
		for _, n := range nodes {
			d := Device{Node: "/dev/" + filepath.Base(n)}
			d.Path = cmp.Or(best[filepath.Base(n)], d.Node)
			d.usb(root)
			d.judge()
			out = append(out, d)
		}
	}
	slices.SortFunc(out, func(a, b Device) int {
		return cmp.Or(cmp.Compare(b.Likelihood, a.Likelihood), cmp.Compare(a.Path, b.Path))
	})
	return out, nil
}

// usb reads what the USB device says of itself, from the nearest directory above the tty that has an idVendor.
func (d *Device) usb(root string) {
	dir, err := filepath.EvalSymlinks(filepath.Join(root, "sys/class/tty", filepath.Base(d.Node), "device"))
	if err != nil {
		return
	}
	top := filepath.Join(root, "sys")
	for range 6 {
		if v := attr(dir, "idVendor"); v != "" {
			d.Vendor, d.Product = v, attr(dir, "idProduct")
			d.Manufacturer, d.Name, d.Serial = attr(dir, "manufacturer"), attr(dir, "product"), attr(dir, "serial")
			return
		}
		if dir = filepath.Dir(dir); len(dir) <= len(top) {
			return
		}
	}
}

func attr(dir, name string) string {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil || len(b) > 512 {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// judge decides by what the device says of itself; a chip's number alone proves nothing, because Ember sticks, modems and Arduinos carry the same ones.
func (d *Device) judge() {
	id, says := d.Vendor+":"+d.Product, strings.ToLower(d.Manufacturer+" "+d.Name+" "+d.Path)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(says, w) })
	}
	switch {
	case has("zbdongle-e", "v2", "ember", "efr32", "mg21", "mg24", "skyconnect", "connect zbt", "hubz") && !has("slae.sh", "cc26", "cc13"):
		d.Likelihood, d.Why = Other, "says that it is a stick with a Silicon Labs radio, which Latchkey does not drive"
	case has("conbee", "raspbee", "dresden"):
		d.Likelihood, d.Why = Other, "says that it is a ConBee, which Latchkey does not drive"
	case has("cc2652", "cc1352", "cc2538", "cc2531", "slae.sh", "zzh", "tubeszb", "slzb-0", "zig-a-zig"), has("sonoff") && has("plus", "3.0"):
		d.Likelihood, d.Why = Likely, "says that it is a dongle with a Texas Instruments radio"
	case d.Vendor == "0451" && slices.Contains([]string{"16a8", "16c8", "bef3"}, d.Product):
		d.Likelihood, d.Why = Likely, "carries a Texas Instruments number ("+id+")"
	case id == "10c4:ea60" || id == "1a86:7523" || id == "1a86:55d4" || id == "0403:6015":
		d.Likelihood, d.Why = Possible, "carries a serial chip ("+id+") that Zigbee dongles have, and many other devices too"
	default:
		d.Likelihood, d.Why = Other, "does not look like a Zigbee dongle"
	}
}

// Choose picks the device that "auto" means: the saved one if it is there, else the only likely one. The error says what to write into the configuration.
func Choose(devices []Device, saved string) (string, error) {
	var likely, possible []string
	for _, d := range devices {
		if saved != "" && (d.Path == saved || d.Node == saved) {
			return saved, nil
		}
		switch d.Likelihood {
		case Likely:
			likely = append(likely, d.Path)
		case Possible:
			possible = append(possible, d.Path)
		}
	}
	switch {
	case saved != "":
		return "", fmt.Errorf("the Zigbee dongle at %s is not plugged in; plug it in, or set radio.port if it was replaced", saved)
	case len(likely) == 1:
		return likely[0], nil
	case len(likely) > 1:
		return "", fmt.Errorf("more than one Zigbee dongle is plugged in; set radio.port to one of %s", strings.Join(likely, ", "))
	case len(possible) > 0:
		return "", fmt.Errorf("no Zigbee dongle is recognised for sure; if one of these is it, set radio.port to it: %s", strings.Join(possible, ", "))
	}
	return "", fmt.Errorf("no Zigbee dongle is plugged in; plug one in, or set radio.port (a path, or tcp://host:6638)")
}
