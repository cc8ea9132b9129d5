// Package zigbee is the vocabulary that the radio, the codecs and the drivers share: addresses, application frames, and the Radio port that a
// coordinator dongle fulfils (Zigbee specification R21/R22, sections 2.2 APS and 2.4 ZDO).
package zigbee
