package dongles

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// machine is a file tree as udev and the kernel make it.
type machine struct {
	t    *testing.T
	root string
}

func (m machine) write(path, text string) {
	m.t.Helper()
	p := filepath.Join(m.root, path)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

func (m machine) link(path, to string) {
	m.t.Helper()
	p := filepath.Join(m.root, path)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Symlink(to, p); err != nil {
		m.t.Fatal(err)
	}
}

// plug adds a USB serial device with what it says of itself.
func (m machine) plug(tty, byID, vendor, product, manufacturer, name string) {
	m.t.Helper()
	m.write("dev/"+tty, "")
	if byID != "" {
		m.link("dev/serial/by-id/"+byID, "../../"+tty)
	}
	usb := "sys/devices/usb1/1-" + tty
	for k, v := range map[string]string{"idVendor": vendor, "idProduct": product, "manufacturer": manufacturer, "product": name, "serial": "123"} {
		m.write(usb+"/"+k, v+"\n")
	}
	m.write(usb+"/1-1:1.0/"+tty+"/uevent", "")
	m.link("sys/class/tty/"+tty+"/device", filepath.Join(m.root, usb, "1-1:1.0", tty))
}

func TestJudgement(t *testing.T) {
	for _, tc := range []struct {
		name                                     string
		byID, vendor, product, manufacturer, say string
		want                                     Likelihood
	}{
		{"Sonoff P", "usb-ITead_Sonoff_Zigbee_3.0_USB_Dongle_Plus_0001-if00-port0", "10c4", "ea60", "ITead", "Sonoff Zigbee 3.0 USB Dongle Plus", Likely},
		{"Sonoff E, the same chip", "usb-ITEAD_SONOFF_Zigbee_3.0_USB_Dongle_Plus_V2_2022-if00", "1a86", "55d4", "ITEAD", "SONOFF Zigbee 3.0 USB Dongle Plus V2", Other},
		{"bare CP2102", "usb-Silicon_Labs_CP2102_USB_to_UART_Bridge_Controller_0001-if00-port0", "10c4", "ea60", "Silicon Labs", "CP2102 USB to UART Bridge Controller", Possible},
		{"CH340", "", "1a86", "7523", "", "USB Serial", Possible},
		{"CC2531", "usb-Texas_Instruments_TI_CC2531_USB_CDC-if00", "0451", "16a8", "Texas Instruments", "TI CC2531 USB CDC", Likely},
		{"slaesh", "usb-Silicon_Labs_slae.sh_cc2652rb_stick_-_slaesh_s_iot_stuff_00-if00-port0", "10c4", "ea60", "Silicon Labs", "slae.sh cc2652rb stick", Likely},
		{"ConBee", "usb-dresden_elektronik_ConBee_II-if00", "1cf1", "0030", "dresden elektronik", "ConBee II", Other},
		{"SkyConnect", "usb-Nabu_Casa_SkyConnect_v1.0_1-if00-port0", "10c4", "ea60", "Nabu Casa", "SkyConnect v1.0", Other},
		{"Arduino", "usb-Arduino_Uno-if00", "2341", "0043", "Arduino", "Uno", Other},
	} {
		m := machine{t, t.TempDir()}
		m.plug("ttyUSB0", tc.byID, tc.vendor, tc.product, tc.manufacturer, tc.say)
		got, err := Find(m.root)
		if err != nil || len(got) != 1 {
			t.Fatalf("%s: %+v, %v", tc.name, got, err)
		}
		d := got[0]
		if d.Likelihood != tc.want || d.Vendor != tc.vendor || d.Why == "" {
			t.Errorf("%s: %v (%s)", tc.name, d.Likelihood, d.Why)
		}
		if want := "/dev/serial/by-id/" + tc.byID; tc.byID != "" && d.Path != want {
			t.Errorf("%s: path %s", tc.name, d.Path)
		}
	}
}

func TestChoose(t *testing.T) {
	likely := func(p string) Device { return Device{Path: p, Node: p, Likelihood: Likely} }
	possible := Device{Path: "/dev/ttyUSB9", Likelihood: Possible}
	for _, tc := range []struct {
		name    string
		devices []Device
		saved   string
		want    string
		says    string
	}{
		{"one", []Device{likely("/a"), possible}, "", "/a", ""},
		{"two", []Device{likely("/a"), likely("/b")}, "", "", "set radio.port to one of /a, /b"},
		{"only possible", []Device{possible}, "", "", "set radio.port to it: /dev/ttyUSB9"},
		{"none", nil, "", "", "plug one in"},
		{"saved", []Device{likely("/a"), likely("/b")}, "/b", "/b", ""},
		{"saved is gone, another is there", []Device{likely("/a")}, "/b", "", "/b is not plugged in"},
	} {
		got, err := Choose(tc.devices, tc.saved)
		if got != tc.want || (err == nil) != (tc.says == "") || (err != nil && !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s: %q, %v", tc.name, got, err)
		}
	}
}

func TestFindNothing(t *testing.T) {
	if got, err := Find(t.TempDir()); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}
