package holdfast

import (
	"encoding/json"
	"errors"
	"time"
)

// TaskView is the state of a task.
type TaskView struct {
	// ID, Queue and Type name the task.
	ID, Queue, Type string
	// State is "waiting", "pending", "scheduled", "processing", "completed", "dead", "cancelled" or "expired".
	State string
	// Priority is "high", "normal" or "low".
	Priority string
	// Payload is the exact payload. It is empty if the payload was not kept.
	Payload json.RawMessage
	// Result is the exact result of a completed task. It is empty without a result.
	Result json.RawMessage
	// Attempts counts the attempts, Failures those that ended with an error, and Crashes those whose lease ran out.
	Attempts, Failures, Crashes int
	// Key is the key of the task; "" if it has none.
	Key string
	// Tags are the tags of the task.
	Tags []string
	// EnqueuedAt is when the task was enqueued.
	EnqueuedAt time.Time
	// RunAt is when a scheduled task is due. It is zero for other tasks.
	RunAt time.Time
	// EndedAt is when the task ended. It is zero before that.
	EndedAt time.Time
	// WorkerID is the worker that runs or ran the task; "" without one.
	WorkerID string
	// CancelRequested: the task runs, and its handler was told to stop.
	CancelRequested bool
	// WaitsFor has the signals for which a suspended task waits. "=" and an id stand for the end of a called task.
	WaitsFor []string
	// DeadReason says why the task is a dead letter; "" if it is not one.
	DeadReason string
	// LastError is the error of the last failed attempt: its name, message and stack.
	LastError string
	// Progress is the last progress that the handler reported.
	Progress json.RawMessage
	// Log has the last lines that the handler logged.
	Log []string
	// History has the attempts, oldest first; at most the last 32 are kept.
	History []AttemptView
}

// AttemptView is one attempt of a task.
type AttemptView struct {
	// Attempt is the number of the attempt, from 1.
	Attempt int
	// Outcome says how the attempt ended, or "running".
	Outcome string
	// WorkerID is the worker that ran it.
	WorkerID string
	// StartedAt is when the attempt began, and EndedAt when it ended. EndedAt is zero while the attempt runs.
	StartedAt, EndedAt time.Time
	// Error is the error of the attempt; "" if there is none.
	Error string
}

// Ended reports whether the task has ended. It does not run again unless somebody replays it.
func (v *TaskView) Ended() bool {
	switch v.State {
	case "completed", "dead", "cancelled", "expired":
		return true
	}
	return false
}

// Bind decodes the result of a completed task into a pointer. It returns an error if there is no result, or if the
// result does not fit.
func (v *TaskView) Bind(result any) error {
	if len(v.Result) == 0 {
		return errors.New("holdfast: task " + v.ID + " is " + v.State + " and has no result")
	}
	return json.Unmarshal(v.Result, result)
}

// UnmarshalJSON reads a task in the JSON form of producer-api.
func (v *TaskView) UnmarshalJSON(text []byte) error {
	var wire struct {
		ID, Queue, Type, State, Priority string
		PayloadText                      string
		ResultText, Progress             *string
		Attempts, Failures, Crashes      int
		Key, WorkerID                    *string
		DeadReason, LastError            *string
		Tags, Log, WaitsFor              []string
		EnqueuedAt                       int64
		RunAt, EndedAt                   *int64
		CancelRequested                  bool
		History                          []struct {
			Attempt            int
			Outcome, WorkerID  string
			StartedAt, EndedAt *int64
			Error              *string
		}
	}
	if err := json.Unmarshal(text, &wire); err != nil {
		return err
	}
	*v = TaskView{ID: wire.ID, Queue: wire.Queue, Type: wire.Type, State: wire.State, Priority: wire.Priority,
		Payload: json.RawMessage(wire.PayloadText), Result: json.RawMessage(orEmpty(wire.ResultText)),
		Attempts: wire.Attempts, Failures: wire.Failures, Crashes: wire.Crashes, Key: orEmpty(wire.Key), Tags: wire.Tags,
		EnqueuedAt: time.UnixMilli(wire.EnqueuedAt), RunAt: epochTime(wire.RunAt), EndedAt: epochTime(wire.EndedAt),
		WorkerID: orEmpty(wire.WorkerID), CancelRequested: wire.CancelRequested, DeadReason: orEmpty(wire.DeadReason),
		WaitsFor: wire.WaitsFor, LastError: orEmpty(wire.LastError), Progress: json.RawMessage(orEmpty(wire.Progress)), Log: wire.Log}
	for _, a := range wire.History {
		v.History = append(v.History, AttemptView{a.Attempt, a.Outcome, a.WorkerID, epochTime(a.StartedAt),
			epochTime(a.EndedAt), orEmpty(a.Error)})
	}
	return nil
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
