package holdfasttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// server plays the part of worker-api for a few tasks in memory.
type server struct {
	mu      sync.Mutex
	tasks   []*task
	skipped time.Duration // how long the sleeps would have taken that ended at once
	answers map[int]*saved
	changed chan struct{} // closed and replaced when a task gets a verdict
}

// saved is the last answer on a lane (a numbered series of requests). A repeated request gets it again.
type saved struct {
	id   int64
	text []byte
}

// task is a task, with everything that its attempts have stored.
type task struct {
	Task
	result   *Result
	attempt  int
	grants   int
	isLeased bool
	handed   int // how often the task was handed back without an attempt
	steps    []*step
	fault    error
}

type step struct {
	Place   int             `json:"place"`
	Kind    string          `json:"kind"`
	Name    string          `json:"name"`
	Outcome string          `json:"outcome"`
	At      int64           `json:"at"`
	Result  json.RawMessage `json:"result,omitempty"`
	Event   string          `json:"event,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`
}

type object = map[string]any

// request has the fields of all kinds of requests.
type request struct {
	RequestID        int64
	Lane             int
	Want             int
	WaitMs           int64
	Acquire          *struct{ Want int }
	Verdicts         []verdict
	Leases           []struct{ ID, Token string }
	ID, Token        string
	Progress, Result json.RawMessage
	Checkpoint       json.RawMessage
	Line, Name, Type string
	PayloadText      string
	ResultText       *string
	Place            int
	Ms, TimeoutMs    int64
	Events           []string
}

type verdict struct {
	ID, Token, Verdict string
	ResultText         *string
	Error              *struct{ Name, Message, Stack string }
	Until              int64
}

// RoundTrip answers a request in memory, without a network.
func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	var body request
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, err
	}
	_, call, _ := strings.Cut(r.URL.Path, "/work/")
	until := time.Now().Add(time.Duration(body.WaitMs) * time.Millisecond)
	for {
		s.mu.Lock()
		status, text := s.answer(call, &body, time.Now().After(until))
		changed := s.changed
		s.mu.Unlock()
		if text != nil {
			return &http.Response{StatusCode: status, Header: http.Header{}, Request: r,
				Body: readCloser{bytes.NewReader(text)}}, nil
		}
		select {
		case <-changed:
		case <-time.After(time.Until(until)):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

func text(value any) []byte {
	out, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return out
}

// answer returns the status and the text of an answer. The text is empty if a poll has to wait.
func (s *server) answer(call string, r *request, isOver bool) (int, []byte) {
	switch call {
	case "acquire", "settle":
		last := s.answers[r.Lane]
		if last != nil && last.id == r.RequestID {
			return 200, last.text
		}
		told := object{"outcomes": s.settle(r.Verdicts), "warnings": []string{}, "alone": false, "makeRoom": false,
			"draining": false, "now": s.now()}
		want := r.Want
		if r.Acquire != nil {
			want = r.Acquire.Want
		}
		granted := s.grant(want)
		if call == "acquire" && len(granted) == 0 && !isOver {
			return 0, nil
		}
		told["tasks"] = granted
		s.answers[r.Lane] = &saved{r.RequestID, text(told)}
		return 200, s.answers[r.Lane].text
	case "heartbeat":
		states := make([]string, len(r.Leases))
		for i, lease := range r.Leases {
			states[i] = "lost"
			if t := s.leased(lease.ID, lease.Token); t != nil {
				states[i] = "renewed"
			}
		}
		return 200, text(object{"leases": states, "draining": false, "now": s.now()})
	}
	t := s.leased(r.ID, r.Token)
	if t == nil {
		return 409, text(object{"code": "conflict", "detail": "the lease is lost"})
	}
	return 200, text(s.about(t, call, r))
}

func (s *server) now() int64 { return time.Now().Add(s.skipped).UnixMilli() }

func (t *task) token() string { return fmt.Sprintf("%d-test.1", t.grants) }

func (s *server) leased(id, token string) *task {
	for _, t := range s.tasks {
		if t.ID == id && t.isLeased && t.token() == token {
			return t
		}
	}
	return nil
}

func (s *server) grant(want int) []object {
	granted := []object{}
	for _, t := range s.tasks {
		if len(granted) == want || t.isLeased || t.isOver() {
			continue
		}
		t.isLeased, t.grants = true, t.grants+1
		granted = append(granted, object{"id": t.ID, "token": t.token(), "type": t.Type, "payload": t.Payload,
			"attempt": t.attempt, "enqueuedAt": s.now(), "leaseMs": 3_600_000, "timeoutMs": 1_800_000, "tags": t.Tags,
			"key": nullable(t.Key)})
	}
	return granted
}

func nullable(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// isOver reports whether no more attempts will run.
func (t *task) isOver() bool {
	return t.result.State != "pending" || t.fault != nil || (t.OneAttempt && t.grants > 0 && !t.isLeased)
}

func (s *server) settle(verdicts []verdict) []string {
	outcomes := []string{}
	for _, v := range verdicts {
		t := s.leased(v.ID, v.Token)
		if t == nil {
			outcomes = append(outcomes, "stale")
			continue
		}
		t.isLeased = false
		outcomes = append(outcomes, s.end(t, v))
	}
	close(s.changed)
	s.changed = make(chan struct{})
	return outcomes
}

// This is how often a task can be handed back without losing an attempt.
const mostHanded = 100

func (s *server) end(t *task, v verdict) string {
	if v.Error != nil {
		t.result.Error = v.Error.Name + ": " + v.Error.Message
		t.result.Stack = v.Error.Stack
	}
	t.result.Attempts = t.attempt
	switch v.Verdict {
	case "complete":
		t.result.State = "completed"
		if v.ResultText != nil {
			t.result.Result = json.RawMessage(*v.ResultText)
		}
		return "acked"
	case "fatal":
		t.result.State = "dead"
		return "dead"
	case "cancel":
		t.result.State = "cancelled"
		return "cancelled"
	case "no_handler":
		t.fault = fmt.Errorf("holdfasttest: no handler for the type %q", t.Type)
		return "released"
	case "suspend":
		s.skipped += max(0, time.Duration(v.Until-s.now())*time.Millisecond)
		return "released"
	case "unstarted":
		return "released"
	}
	if v.Verdict != "fail" {
		if t.handed++; t.handed <= mostHanded {
			return "released"
		}
	}
	if t.attempt > t.maxRetries() {
		t.result.State = "dead"
		return "dead"
	}
	t.attempt++
	return "retried"
}

func (t *task) maxRetries() int {
	if t.MaxRetries == nil {
		return 3
	}
	return *t.MaxRetries
}

// about answers a request about a task whose lease the caller holds.
func (s *server) about(t *task, call string, r *request) object {
	switch call {
	case "progress":
		if r.Progress != nil {
			t.result.Progress = append(t.result.Progress, r.Progress)
		}
		if r.Checkpoint != nil {
			t.result.Checkpoint = r.Checkpoint
		}
		return object{"stored": true}
	case "log":
		t.result.Log = append(t.result.Log, r.Line)
		return object{"stored": true}
	case "checkpoint":
		return object{"checkpoint": t.result.Checkpoint}
	case "children":
		return object{"children": t.Children, "next": nil}
	case "steps/read":
		return object{"now": s.now(), "count": len(t.steps), "bytes": 0, "steps": t.steps}
	case "steps/write":
		t.keep(&step{Place: r.Place, Kind: "step", Name: r.Name, Outcome: "done", At: s.now(),
			Result: json.RawMessage(*r.ResultText)})
		return object{"at": s.now()}
	case "steps/sleep":
		until := s.now() + r.Ms
		t.keep(&step{Place: r.Place, Kind: "sleep", Name: r.Name, Outcome: "open", At: until})
		return object{"until": until}
	case "steps/wait":
		return s.wait(t, r)
	case "steps/call":
		return s.call(t, r)
	}
	return object{}
}

func (t *task) keep(next *step) {
	for len(t.steps) < next.Place {
		t.steps = append(t.steps, nil)
	}
	t.steps[next.Place-1] = next
	if next.Outcome == "done" {
		t.result.Steps = append(t.result.Steps, next.Name)
	}
}

func (s *server) wait(t *task, r *request) object {
	until := s.now() + r.TimeoutMs
	if r.Place <= len(t.steps) {
		until = t.steps[r.Place-1].At
	}
	own := &step{Place: r.Place, Kind: "wait", Name: r.Name, Outcome: "open", At: until}
	for i, signal := range t.Signals {
		if slices.Contains(r.Events, signal.Event) {
			t.Signals = slices.Delete(slices.Clone(t.Signals), i, i+1)
			own.Outcome, own.Event, own.Data = "done", signal.Event, signal.Data
			t.keep(own)
			return object{"outcome": "signal", "event": signal.Event, "data": signal.Data}
		}
	}
	if until <= s.now() {
		own.Outcome = "timed_out"
	}
	t.keep(own)
	return object{"outcome": own.Outcome, "until": until, "events": r.Events}
}

func (s *server) call(t *task, r *request) object {
	answer := t.Calls[r.Type]
	if answer == nil {
		return object{"outcome": "failed", "taskId": "called", "state": "dead",
			"message": fmt.Sprintf("the test has no answer for calls of %q: give Calls", r.Type)}
	}
	result, err := answer(json.RawMessage(r.PayloadText))
	if err != nil {
		return object{"outcome": "failed", "taskId": "called", "state": "dead", "message": err.Error()}
	}
	t.keep(&step{Place: r.Place, Kind: "call", Name: r.Name, Outcome: "done", At: s.now(), Result: text(result)})
	return object{"outcome": "completed", "result": json.RawMessage(text(result))}
}
