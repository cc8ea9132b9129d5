package zcl

// QueryNextImage asks for firmware (ZCL section 11.13.4).
type QueryNextImage struct {
	HasHardwareVersion bool
	Manufacturer       uint16
	ImageType          uint16
	FileVersion        uint32 // what the device runs now
	HardwareVersion    uint16
}

// Route implements Message.
func (*QueryNextImage) Route() Route { return command(ClusterOTA, ToServer, CmdQueryNextImage) }

func (m *QueryNextImage) appendPayload(dst []byte) []byte {
	dst = appendBool(dst, m.HasHardwareVersion)
	dst = appendU32(appendU16(appendU16(dst, m.Manufacturer), m.ImageType), m.FileVersion)
	if m.HasHardwareVersion {
		dst = appendU16(dst, m.HardwareVersion)
	}
	return dst
}

func (m *QueryNextImage) parse(r *reader) {
	m.HasHardwareVersion = r.u8("field control")&1 != 0
	m.Manufacturer, m.ImageType, m.FileVersion = r.u16("manufacturer code"), r.u16("image type"), r.u32("file version")
	if m.HasHardwareVersion {
		m.HardwareVersion = r.u16("hardware version")
	}
}

// QueryNextImageResponse answers QueryNextImage (ZCL section 11.13.5). The other fields are sent only with Status success.
type QueryNextImageResponse struct {
	Status       Status // StatusNoImageAvailable: nothing to fetch
	Manufacturer uint16
	ImageType    uint16
	FileVersion  uint32
	ImageSize    uint32 // bytes
}

// Route implements Message.
func (*QueryNextImageResponse) Route() Route { return command(ClusterOTA, ToClient, CmdNextImage) }

func (m *QueryNextImageResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Status))
	if m.Status != StatusSuccess {
		return dst
	}
	return appendU32(appendU32(appendU16(appendU16(dst, m.Manufacturer), m.ImageType), m.FileVersion), m.ImageSize)
}

func (m *QueryNextImageResponse) parse(r *reader) {
	m.Status = Status(r.u8("status"))
	if m.Status != StatusSuccess {
		return
	}
	m.Manufacturer, m.ImageType = r.u16("manufacturer code"), r.u16("image type")
	m.FileVersion, m.ImageSize = r.u32("file version"), r.u32("image size")
}
