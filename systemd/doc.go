// Package systemd is Latchkey's side of systemd: the unit and its companions as files, readiness and watchdog by the notify protocol (sd_notify(3)).
package systemd
