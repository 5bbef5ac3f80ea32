package holdfast

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// While one lane waits in a long poll, the two others settle in turns: one waits for its answer, and the other gathers
	// the next verdicts.
	lanes = 3
	// One request has at most this many tasks, and this many verdicts.
	callTasks = 500
	// Verdicts with large results are sent in several requests.
	callBytes      = 4 << 20
	pollTime       = 30 * time.Second
	requestTimeout = 15 * time.Second
	// How long a stop waits for an answer that is not about a verdict.
	lastRequest = 5 * time.Second
	resultBytes = 64 << 10
)

// run is one run of a worker.
type run struct {
	w     *Worker
	id    string
	fixed settings

	handlers    context.Context // the parent of the contexts of handlers
	requests    context.Context // ends when nothing more is sent
	endRequests context.CancelFunc
	polls       context.Context // ends when the worker stops
	endPolls    context.CancelFunc

	mu       sync.Mutex
	changed  sync.Cond
	held     map[string]*Task // by token, from the grant until the service has answered the verdict
	running  int              // tasks that have a slot
	asked    int              // slots that acquires under way may fill
	acquires int              // acquires under way
	polling  bool
	verdicts []verdict
	alone    bool // a task runs that has to run alone
	makeRoom bool // such a task waits for this worker
	stopping bool
	err      error // why the service refused the worker
}

// verdict is a verdict as it is sent.
type verdict struct {
	task      *Task
	text      []byte
	isInstead bool // the failure of a task whose own verdict was refused
}

// lane sends one request at a time.
type lane struct {
	number int
	last   int64 // the id of the last request
}

// exchange is a request: verdicts, an acquire, or both.
type exchange struct {
	verdicts []verdict
	want     int
	held     int
	isPoll   bool
}

type answer struct {
	Tasks    []wireGrant
	Alone    bool
	MakeRoom bool
	Outcomes []string
	Warnings []string
}

func (r *run) serve(ctx context.Context) error {
	defer r.endRequests()
	var working sync.WaitGroup
	for n := range lanes {
		working.Add(1)
		go func() {
			defer working.Done()
			own := &lane{number: n}
			for x := r.next(); x != nil; x = r.next() {
				r.exchange(own, x)
			}
		}()
	}
	go r.heartbeats()
	select {
	case <-ctx.Done():
	case <-r.polls.Done(): // the service refused the worker
	}
	r.stop()
	grace := time.AfterFunc(max(0, r.w.options.Grace), r.releaseAll)
	defer grace.Stop()
	r.mu.Lock()
	for r.running > 0 {
		r.changed.Wait()
	}
	r.mu.Unlock()
	// The verdicts are sent until the last lease must have ended.
	late := time.AfterFunc(r.w.options.Lease, r.endRequests)
	defer late.Stop()
	working.Wait()
	if r.requests.Err() == nil {
		last, cancel := context.WithTimeout(r.requests, lastRequest)
		defer cancel()
		_, _ = r.heartbeat(last, nil, "stopped") // the registration ends by itself if this is lost
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil && len(r.verdicts) > 0 {
		r.err = fmt.Errorf("holdfast: the service did not answer, so the verdicts of %d tasks are lost", len(r.verdicts))
	}
	return r.err
}

// stop takes no more tasks.
func (r *run) stop() {
	r.endPolls()
	r.mu.Lock()
	r.stopping = true
	r.changed.Broadcast()
	r.mu.Unlock()
}

// refuse stops the worker, because the service will not accept its requests.
func (r *run) refuse(err error) {
	r.mu.Lock()
	if r.err == nil {
		r.err = err
	}
	r.mu.Unlock()
	r.stop()
}

// next waits for something to send. It returns nil when the lane has nothing more to do.
func (r *run) next() *exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if r.requests.Err() != nil {
			return nil
		}
		if len(r.verdicts) > 0 {
			r.gather()
			if len(r.verdicts) == 0 { // another lane took them
				continue
			}
			x := r.take()
			r.ask(x)
			return x
		}
		if r.stopping && r.running == 0 {
			return nil
		}
		if !r.polling {
			x := &exchange{isPoll: true}
			if r.ask(x); x.want > 0 {
				r.polling = true
				return x
			}
		}
		r.changed.Wait()
	}
}

// gather waits for tasks that are about to end, so that their verdicts go into the same request.
func (r *run) gather() {
	for before := 0; len(r.verdicts) > before && len(r.verdicts) < callTasks; {
		before = len(r.verdicts)
		r.mu.Unlock()
		runtime.Gosched()
		r.mu.Lock()
	}
}

func (r *run) take() *exchange {
	count, bytes := 0, 0
	for count < len(r.verdicts) && count < callTasks {
		bytes += len(r.verdicts[count].text)
		if count > 0 && bytes > callBytes {
			break
		}
		count++
	}
	x := &exchange{verdicts: r.verdicts[:count:count]}
	r.verdicts = r.verdicts[count:]
	return x
}

// ask adds an acquire to a request, if the worker may take tasks now.
func (r *run) ask(x *exchange) {
	if r.stopping || r.alone || (r.makeRoom && r.running+r.acquires > 0) {
		return
	}
	x.want = min(callTasks, r.w.options.Concurrency-r.running-r.asked)
	if x.want <= 0 {
		x.want = 0
		return
	}
	// A task that has to run alone is granted only when this is 0. Another acquire that has no answer yet may bring tasks,
	// so it counts too.
	x.held = r.running + r.acquires
	r.asked += x.want
	r.acquires++
}

func (r *run) exchange(l *lane, x *exchange) {
	got, err := r.send(l, x)
	r.mu.Lock()
	if x.want > 0 {
		r.asked -= x.want
		r.acquires--
	}
	if x.isPoll {
		r.polling = false
	}
	for _, v := range x.verdicts {
		delete(r.held, v.task.Token)
	}
	if err != nil {
		if r.requests.Err() != nil { // Run counts these as lost
			r.verdicts = append(r.verdicts, x.verdicts...)
		}
		r.changed.Broadcast()
		r.mu.Unlock()
		return
	}
	tasks := make([]*Task, len(got.Tasks))
	for i := range got.Tasks {
		tasks[i] = r.newTask(&got.Tasks[i])
		tasks[i].route, tasks[i].alone = r.w.find(tasks[i].Type), got.Alone
		r.held[tasks[i].Token] = tasks[i]
	}
	r.running += len(tasks)
	r.alone = r.alone || (got.Alone && len(tasks) > 0)
	if x.want > 0 {
		r.makeRoom = got.MakeRoom
	}
	stopping := r.stopping
	r.changed.Broadcast()
	r.mu.Unlock()
	r.start(tasks, stopping)
	r.tell(x, got)
}

// tell passes the answer about the verdicts on to OnError and OnSettled.
func (r *run) tell(x *exchange, got *answer) {
	for _, warning := range got.Warnings {
		r.w.options.OnError(errors.New(warning))
	}
	for i, outcome := range got.Outcomes[:min(len(got.Outcomes), len(x.verdicts))] {
		t := x.verdicts[i].task
		// If a poll broke off, the service may have handed back its tasks before the worker began them.
		if outcome == "stale" && t.begun {
			r.w.options.OnError(fmt.Errorf("task %s: its verdict came too late: %w", t.ID, ErrLeaseLost))
		}
		if r.w.options.OnSettled != nil {
			r.w.options.OnSettled(Settled{t.ID, t.Token, t.Attempt, outcome})
		}
	}
}

// send sends a request until it is answered. If the service refuses one verdict, the others still have to be sent.
func (r *run) send(l *lane, x *exchange) (*answer, error) {
	l.last++
	path, body, timeout := r.w.path("acquire"), r.acquireBody(l, x, pollTime), pollTime+requestTimeout
	ctx := r.polls
	if !x.isPoll {
		path, body, timeout, ctx = r.w.path("settle"), r.settleBody(l, x), requestTimeout, r.requests
	}
	got := &answer{}
	tries, err := r.w.api.repeat(ctx, path, body, got, timeout, r.w.options.OnError)
	if x.isPoll && err != nil && r.polls.Err() != nil && !refused(err) {
		// The worker stops, and has broken off its poll. Tasks may have been granted to that poll already. Its repeat gets
		// them, so that they can be handed back.
		last, cancel := context.WithTimeout(r.requests, lastRequest)
		defer cancel()
		tries, err = r.w.api.repeat(last, path, r.acquireBody(l, x, 0), got, lastRequest, r.w.options.OnError)
	}
	var told *APIError
	switch {
	case err == nil && tries > 1 && len(got.Tasks) > 0:
		return got, r.keepLeased(got)
	case err == nil || !errors.As(err, &told) || !refused(err):
		return got, err
	case len(x.verdicts) == 0 || told.Status == http.StatusUnauthorized || told.Status == http.StatusForbidden ||
		told.Status == http.StatusNotFound || told.Status == http.StatusConflict:
		r.refuse(err)
		return nil, err
	case len(x.verdicts) == 1 && x.verdicts[0].isInstead:
		return &answer{Outcomes: []string{"refused"}}, nil
	case len(x.verdicts) == 1:
		t := x.verdicts[0].task
		err = fmt.Errorf("the verdict of task %s was refused: %w", t.ID, err)
		r.w.options.OnError(err)
		instead := verdict{t, verdictText(t, "fail", map[string]any{"error": describe(err)}), true}
		return r.send(l, &exchange{verdicts: []verdict{instead}})
	}
	half := len(x.verdicts) / 2
	first, err := r.send(l, &exchange{verdicts: x.verdicts[:half]})
	if err != nil {
		return nil, err
	}
	second, err := r.send(l, &exchange{verdicts: x.verdicts[half:]})
	if err != nil {
		return nil, err
	}
	return &answer{Outcomes: append(first.Outcomes, second.Outcomes...), Warnings: append(first.Warnings, second.Warnings...)}, nil
}

// keepLeased drops tasks whose leases have ended: the answer that brought them may be as old as the outage.
func (r *run) keepLeased(got *answer) error {
	leases := make([]*Task, len(got.Tasks))
	for i := range got.Tasks {
		leases[i] = &Task{ID: got.Tasks[i].ID, Token: got.Tasks[i].Token}
	}
	states, err := r.heartbeat(r.requests, leases, "running")
	if err != nil {
		return err
	}
	kept := got.Tasks[:0]
	for i, task := range got.Tasks {
		if states[i] != "lost" {
			kept = append(kept, task)
		}
	}
	got.Tasks = kept
	return nil
}

func (r *run) head(l *lane, body []byte) []byte {
	body = append(append(body, `{"workerId":`...), r.fixed.worker...)
	body = strconv.AppendInt(append(body, `,"requestId":`...), l.last, 10)
	body = strconv.AppendInt(append(body, `,"lane":`...), int64(l.number), 10)
	return append(append(body, ','), r.fixed.same...)
}

func (r *run) acquireBody(l *lane, x *exchange, wait time.Duration) []byte {
	return fmt.Appendf(r.head(l, nil), `,"want":%d,"waitMs":%d,"types":%s,"held":%d}`,
		x.want, wait.Milliseconds(), r.fixed.types, x.held)
}

func (r *run) settleBody(l *lane, x *exchange) []byte {
	body := append(r.head(l, make([]byte, 0, 1024+128*len(x.verdicts))), `,"verdicts":[`...)
	for i, v := range x.verdicts {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, v.text...)
	}
	body = append(body, ']')
	if x.want > 0 {
		body = fmt.Appendf(body, `,"acquire":{"want":%d,"types":%s,"held":%d}`, x.want, r.fixed.types, x.held)
	}
	return append(body, '}')
}

// start begins tasks. The caller has taken their slots.
func (r *run) start(tasks []*Task, stopping bool) {
	together := map[*batch][]*Task{}
	for _, t := range tasks {
		switch {
		case stopping:
			r.finish(t, "unstarted", nil)
		case t.route == nil:
			r.finish(t, "no_handler", nil)
		default:
			r.mu.Lock()
			t.begun = true
			if t.Timeout > 0 {
				t.timer = time.AfterFunc(t.Timeout, func() { r.timeOut(t) })
			}
			r.mu.Unlock()
			if b := t.route.batch; b != nil {
				together[b] = append(together[b], t)
			} else {
				go r.handle(t)
			}
		}
	}
	for b, tasks := range together {
		b.join(r, tasks)
	}
}

var errExited = errors.New("the handler ended its goroutine with runtime.Goexit, as FailNow of package testing does")

func (r *run) handle(t *Task) {
	var result any
	err := errExited
	defer func() {
		if err != nil {
			r.fail(t, err)
		} else {
			r.succeed(t, result)
		}
	}()
	defer caught(&err)
	result, err = t.route.handler(t.ctx, t)
}

// caught is deferred around the code of users. It turns a panic into an error.
func caught(err *error) {
	if value := recover(); value != nil {
		*err = &panicked{value, stackBelow(string(debug.Stack()))}
	}
}

// stackBelow returns the lines of a stack between the panic and this package.
func stackBelow(stack string) string {
	if _, below, found := strings.Cut(stack, "\npanic("); found {
		if lines := strings.SplitN(below, "\n", 3); len(lines) == 3 {
			stack = lines[2]
		}
	}
	for _, own := range []string{"(*run).handle(", "(*search).call."} {
		stack, _, _ = strings.Cut(stack, "\ngithub.com/holdfast/holdfast-go."+own)
	}
	return stack
}

func (r *run) succeed(t *Task, result any) {
	if t.steps.isSuspended() {
		r.fail(t, ErrSuspended)
		return
	}
	if result == nil {
		r.finish(t, "complete", nil)
		return
	}
	text, err := jsonText(result)
	if err != nil {
		r.fail(t, Fatal(fmt.Errorf("the result has no JSON form: %w", err)))
		return
	}
	if len(text) > resultBytes {
		r.w.options.OnError(fmt.Errorf("task %s completes without its result, which has %d bytes, more than %d",
			t.ID, len(text), resultBytes))
		text = nil
	}
	r.finish(t, "complete", map[string]any{"resultText": string(text)})
}

func (r *run) fail(t *Task, err error) {
	if s := t.steps.isSuspended(); s {
		r.finish(t, "suspend", map[string]any{"until": t.steps.suspended.Until, "events": t.steps.suspended.Events})
		return
	}
	var decision *Decision
	told := map[string]any{"error": describe(err)}
	switch {
	case errors.As(err, &decision):
		switch decision.Verdict {
		case "fail", "postpone":
			told["delayMs"] = delayOf(decision)
		case "rate_limit":
			told = map[string]any{"delayMs": delayOf(decision)}
			if decision.Scope != "" {
				told["scope"] = decision.Scope
			}
		}
		r.finish(t, decision.Verdict, told)
	case r.isCancelled(t):
		r.finish(t, "cancel", told)
	case context.Cause(t.ctx) == ErrLeaseLost:
		r.finish(t, "release", nil) // the task is not to blame
	default:
		r.finish(t, "fail", told)
	}
}

// delayOf returns the delay of a decision in milliseconds, within what the service takes.
func delayOf(d *Decision) int64 {
	switch d.Verdict {
	case "postpone":
		return min(max(1, millis(d.Delay)), 365*24*3_600_000)
	case "rate_limit":
		return min(max(1, millis(d.Delay)), 24*3_600_000)
	}
	return min(max(0, millis(d.Delay)), 365*24*3_600_000)
}

func (s *steps) isSuspended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.suspended != nil
}

func (r *run) isCancelled(t *Task) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return t.cancelled
}

// finish gives a task its verdict and frees its slot. Only the first verdict of a task counts.
func (r *run) finish(t *Task, name string, more map[string]any) {
	r.end(t, verdictText(t, name, more), nil)
}

func verdictText(t *Task, name string, more map[string]any) []byte {
	text := append(append([]byte(`{"id":`), mustJSON(t.ID)...), `,"token":`...)
	text = append(append(text, mustJSON(t.Token)...), `,"verdict":"`...)
	text = append(append(text, name...), '"')
	for key, value := range more {
		if value != "" {
			text = append(append(append(text, ',', '"'), key...), '"', ':')
			text = append(text, mustJSON(value)...)
		}
	}
	return append(text, '}')
}

// end frees the slot of a task, and ends the context of its handler with this cause. The verdict comes first, because the
// handler may return at once. Without a verdict, the service hears nothing.
func (r *run) end(t *Task, text []byte, cause error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.ended {
		return
	}
	t.ended = true
	r.running--
	if t.alone {
		r.alone = false
	}
	if text == nil {
		delete(r.held, t.Token)
	} else {
		r.verdicts = append(r.verdicts, verdict{task: t, text: text})
	}
	if t.timer != nil {
		t.timer.Stop()
	}
	t.cancel(cause)
	r.changed.Broadcast()
}

// timeOut fails an attempt at its time-out, even if its handler goes on. The service waits a moment for this verdict.
func (r *run) timeOut(t *Task) {
	told := wireError{Name: "TimeoutError", Message: fmt.Sprintf("timed out after %d ms", t.Timeout.Milliseconds())}
	r.end(t, verdictText(t, "fail", map[string]any{"error": told}), ErrTimedOut)
}

// releaseAll hands back the tasks that run.
func (r *run) releaseAll() {
	r.mu.Lock()
	var tasks []*Task
	for _, t := range r.held {
		if !t.ended {
			tasks = append(tasks, t)
		}
	}
	r.mu.Unlock()
	for _, t := range tasks {
		r.end(t, verdictText(t, "release", nil), ErrStopping)
	}
}

// heartbeats renews the leases, three times in each lease. Without tasks it sends nothing, because the polls of an idle
// worker keep it known.
func (r *run) heartbeats() {
	every := r.w.options.Lease / 3
	for sleep(r.requests, every) {
		r.mu.Lock()
		tasks := make([]*Task, 0, len(r.held))
		for _, t := range r.held {
			tasks = append(tasks, t)
		}
		state := "running"
		if r.stopping {
			state = "draining"
		}
		r.mu.Unlock()
		ctx, cancel := context.WithTimeout(r.requests, every)
		for first := 0; first < len(tasks); first += callTasks {
			some := tasks[first:min(len(tasks), first+callTasks)]
			sentAt := time.Now()
			states, err := r.heartbeat(ctx, some, state)
			if refused(err) {
				r.refuse(err)
			}
			r.renewed(some, states, sentAt)
		}
		cancel()
	}
}

// renewed stops the handlers whose tasks were cancelled or whose leases are lost, as the answer to a heartbeat says. If
// there was no answer, it stops those whose leases have ended by the clock of this machine.
func (r *run) renewed(tasks []*Task, states []string, sentAt time.Time) {
	for i, t := range tasks {
		state := "unknown"
		if i < len(states) {
			state = states[i]
		}
		r.mu.Lock()
		if state == "renewed" || state == "cancelled" {
			t.leaseUntil = sentAt.Add(r.w.options.Lease)
		}
		isNew := state == "cancelled" && !t.cancelled
		t.cancelled = t.cancelled || isNew
		over := time.Now().After(t.leaseUntil)
		ended := t.ended
		r.mu.Unlock()
		switch {
		case ended:
		case isNew:
			t.cancel(ErrCancelled)
		case state == "lost":
			r.end(t, nil, ErrLeaseLost)
			r.w.options.OnError(fmt.Errorf("task %s: %w", t.ID, ErrLeaseLost))
		case over:
			// The service did not answer. It may have renewed the lease all the same: then the verdict still counts.
			t.cancel(ErrLeaseLost)
		}
	}
}

func (r *run) heartbeat(ctx context.Context, tasks []*Task, state string) ([]string, error) {
	type lease struct {
		ID    string `json:"id"`
		Token string `json:"token"`
	}
	leases := make([]lease, len(tasks))
	for i, t := range tasks {
		leases[i] = lease{t.ID, t.Token}
	}
	body := mustJSON(map[string]any{"workerId": r.id, "leases": leases, "leaseMs": millis(r.w.options.Lease),
		"info": json.RawMessage(r.fixed.info), "state": state})
	var told struct{ Leases []string }
	_, err := r.w.api.repeat(ctx, r.w.path("heartbeat"), body, &told, requestTimeout, r.w.options.OnError)
	if err == nil && len(told.Leases) != len(tasks) {
		err = fmt.Errorf("holdfast: a heartbeat of %d leases got %d answers", len(tasks), len(told.Leases))
	}
	return told.Leases, err
}
