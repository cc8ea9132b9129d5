// Package store keeps the state durable: one bbolt file, each record sealed with XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) and bound to its place.
//
// Layout, format 1: bucket "meta" holds the format's number and the key check in clear and sealed; "locks", "users", "slots", "resets" and "counters" the
// state; "journal" the events by number; "kv/NAME" what other packages keep under a name of their own; "quarantine" the records that could not be read.
package store
