// Package web is the HTTP API, version 1: JSON over a Unix socket, where who may open the socket is an administrator, and over a loopback TCP listener, where
// a bearer token says what is allowed (RFC 6750). Errors are problem details (RFC 9457); events are a stream (HTML Living Standard, server-sent events).
package web
