package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"golang.org/x/term"
)

// maxSecret is the most that is read for a PIN or password, in bytes.
const maxSecret = 512

// secret asks for a PIN or password: without echo on a terminal, twice if it is new, else one line from standard input. Never from the arguments, which
// every user of the machine can read.
func (a *app) secret(what string, twice bool) ([]byte, error) {
	t := tty(a.in)
	if t == nil {
		return a.line(what)
	}
	ask := func(prompt string) ([]byte, error) {
		fmt.Fprintf(a.err, "%s: ", prompt)
		b, err := term.ReadPassword(int(t.Fd()))
		fmt.Fprintln(a.err)
		if err != nil {
			return nil, fmt.Errorf("%s could not be read: %w", what, err)
		}
		return b, nil
	}
	first, err := ask(what)
	if err != nil || !twice {
		return first, err
	}
	second, err := ask(what + " again")
	if err != nil {
		return nil, err
	}
	defer clear(second)
	if !bytes.Equal(first, second) {
		clear(first)
		return nil, errors.New("the two are not the same; try again")
	}
	return first, nil
}

// line reads one line of standard input, byte by byte, so that what follows is left for the next question.
func (a *app) line(what string) ([]byte, error) {
	var out []byte
	one := make([]byte, 1)
	for len(out) <= maxSecret {
		n, err := a.in.Read(one)
		if n == 1 {
			if one[0] == '\n' {
				return bytes.TrimSuffix(out, []byte{'\r'}), nil
			}
			out = append(out, one[0])
			continue
		}
		if errors.Is(err, io.EOF) {
			if len(out) > 0 {
				return out, nil
			}
			return nil, usage("%s is read from standard input, which is empty; write it there, one line", what)
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, usage("%s is longer than %d characters", what, maxSecret)
}

// ask puts a question on the terminal and returns the line typed.
func (a *app) ask(question string) (string, error) {
	fmt.Fprintf(a.err, "%s ", question)
	if tty(a.in) == nil {
		b, err := a.line("the answer")
		return string(b), err
	}
	s, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil {
		return "", err
	}
	return string(bytes.TrimSpace([]byte(s))), nil
}

// jsonSecret writes {"key": "…", rest…} without passing the secret through a string. It must hold no characters that JSON escapes.
func jsonSecret(key string, secret []byte, rest []byte) ([]byte, error) {
	for _, c := range secret {
		if c < ' ' || c == '"' || c == '\\' {
			return nil, usage("quotes, backslashes and control characters do not do in a PIN or password")
		}
	}
	b := make([]byte, 0, len(secret)+len(rest)+len(key)+16)
	b = append(b, `{"`+key+`":"`...)
	b = append(b, secret...)
	b = append(b, '"')
	if inner := bytes.TrimSuffix(bytes.TrimPrefix(rest, []byte("{")), []byte("}")); len(inner) > 0 {
		b = append(b, ',')
		b = append(b, inner...)
	}
	return append(b, '}'), nil
}
