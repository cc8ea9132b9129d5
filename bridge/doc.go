// Package bridge is the domain: locks, the people who may open them, their codes, the workflows, and the journal of what happened. It knows no radio and
// no front-end: drivers feed it events, front-ends call it and follow the journal.
package bridge
