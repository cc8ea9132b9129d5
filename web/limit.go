package web

import (
	"net"
	"sync"
)

// limited bounds the open connections of a listener: beyond it no more are accepted, and the kernel's queue makes the others wait.
type limited struct {
	net.Listener
	sem    chan struct{}
	closed sync.Once
	done   chan struct{}
	init   sync.Once
}

func (l *limited) ended() chan struct{} {
	l.init.Do(func() { l.done = make(chan struct{}) })
	return l.done
}

func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.sem <- struct{}{}:
	case <-l.ended():
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.sem
		return nil, err
	}
	return &limitedConn{Conn: c, free: func() { <-l.sem }}, nil
}

func (l *limited) Close() error {
	l.closed.Do(func() { close(l.ended()) })
	return l.Listener.Close()
}

// limitedConn gives its place back once, when it is closed.
type limitedConn struct {
	net.Conn
	once sync.Once
	free func()
}

func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.free)
	return err
}
