// Package holdfast is the Go client of Holdfast, a distributed task queue.
//
// A [Queue] enqueues tasks and follows them, over the HTTP API of producer-api. A [Worker] takes tasks and runs your
// handlers, over the HTTP API of worker-api. Each task is delivered at least once: a handler may run more than once for
// one task, so it has to be idempotent. Package holdfasttest runs handlers without services.
package holdfast

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// APIError is an answer of a Holdfast service that is not a success.
type APIError struct {
	// Status is the HTTP status.
	Status int
	// Code is the stable code of the error, such as "task_not_found" or "queue_full".
	Code string
	// Detail says in English what is wrong.
	Detail string
	// Field names the field of the request that is wrong. It is empty if no single field is.
	Field string
	// TaskID is the task that the error is about, if there is one.
	TaskID string
	// HeldBy is the task that holds the unique key, with the code "unique_conflict".
	HeldBy string
	// RetryAfter is how long to wait before the request is sent again. 0: the service did not say.
	RetryAfter time.Duration
}

func (e *APIError) Error() string {
	return fmt.Sprintf("holdfast: %s (%d %s)", e.Detail, e.Status, e.Code)
}

// temporary reports whether the same request may succeed later.
func (e *APIError) temporary() bool {
	return e.Status == http.StatusTooManyRequests || e.Status >= 500
}

// refused reports whether the service has answered with a refusal that another try cannot change.
func refused(err error) bool {
	var answer *APIError
	return errors.As(err, &answer) && !answer.temporary()
}

// Connection says where a service is and which key to use. The zero value stands for a service on this machine, and
// for the key in the environment variable HOLDFAST_API_KEY.
type Connection struct {
	// URL is the address of the service, such as "https://tasks.example.com". By default a Queue reads it from the
	// environment variable HOLDFAST_URL, and a Worker from HOLDFAST_WORKER_URL. If the variable is not set, it is
	// http://127.0.0.1:3000 for a Queue and http://127.0.0.1:3002 for a Worker.
	URL string
	// Key is an API key, "hf_…". A Queue needs the scope "enqueue", a Worker the scope "work". The default is the
	// environment variable HOLDFAST_API_KEY. Requests without a key work only with a service that has no keys.
	Key string
	// HTTPClient sends the requests. Its Timeout has to be 0, because long polls take up to 30 seconds. The default is a
	// client of this package that keeps its connections open.
	HTTPClient *http.Client
}

var defaultClient = &http.Client{Transport: &http.Transport{
	Proxy:               http.ProxyFromEnvironment,
	DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
	TLSHandshakeTimeout: 5 * time.Second,
	MaxIdleConnsPerHost: 64,
	IdleConnTimeout:     90 * time.Second,
	DisableCompression:  true,
}}

// api sends requests to one service.
type api struct {
	base, key string
	client    *http.Client
}

func newAPI(c Connection, variable, fallback string) *api {
	a := &api{base: c.URL, key: c.Key, client: c.HTTPClient}
	if a.base == "" {
		a.base = os.Getenv(variable)
	}
	if a.base == "" {
		a.base = fallback
	}
	a.base = strings.TrimRight(a.base, "/")
	if a.key == "" {
		a.key = os.Getenv("HOLDFAST_API_KEY")
	}
	if a.client == nil {
		a.client = defaultClient
	}
	return a
}

// do sends one request and decodes its answer into out, unless out is nil.
func (a *api) do(ctx context.Context, method, path string, body []byte, out any) error {
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, method, a.base+path, reader)
	if err != nil {
		return fmt.Errorf("holdfast: %w", err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if a.key != "" {
		request.Header.Set("Authorization", "Bearer "+a.key)
	}
	response, err := a.client.Do(request)
	if err != nil {
		return fmt.Errorf("holdfast: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("holdfast: the answer ended before it was complete: %w", err)
	}
	if response.StatusCode >= 300 {
		return problem(response, text)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("holdfast: the answer to %s %s cannot be read: %w", method, path, err)
	}
	return nil
}

func problem(response *http.Response, text []byte) error {
	var told struct {
		Code, Detail, Field, TaskID, HeldBy string
		Errors                              []struct{ Path string }
	}
	if json.Unmarshal(text, &told) != nil || told.Code == "" {
		told.Code = "unknown"
		told.Detail = strings.TrimSpace(string(text[:min(len(text), 200)]))
	}
	e := &APIError{Status: response.StatusCode, Code: told.Code, Detail: told.Detail, Field: told.Field,
		TaskID: told.TaskID, HeldBy: told.HeldBy}
	if e.Field == "" && len(told.Errors) > 0 {
		e.Field = strings.ReplaceAll(strings.TrimPrefix(told.Errors[0].Path, "/"), "/", ".")
	}
	if seconds, err := strconv.ParseFloat(response.Header.Get("Retry-After"), 64); err == nil {
		e.RetryAfter = time.Duration(seconds * float64(time.Second))
	}
	return e
}

const (
	shortestPause = 50 * time.Millisecond
	longestPause  = 5 * time.Second
)

// repeat sends the same request until the service has answered it, has refused it, or ctx is done. Each try has its own
// time-out, because a connection may die without an error. It returns how many tries were made.
func (a *api) repeat(ctx context.Context, path string, body []byte, out any, timeout time.Duration,
	failed func(error)) (tries int, err error) {
	pause := shortestPause
	for {
		tries++
		try, cancel := context.WithTimeout(ctx, timeout)
		err = a.do(try, http.MethodPost, path, body, out)
		cancel()
		if err == nil || ctx.Err() != nil || refused(err) {
			return tries, err
		}
		if failed != nil {
			failed(err)
		}
		wait := pause/2 + rand.N(pause)
		var answer *APIError
		if errors.As(err, &answer) {
			wait = max(wait, answer.RetryAfter)
		}
		if !sleep(ctx, wait) {
			return tries, err
		}
		pause = min(2*pause, longestPause)
	}
}

// sleep reports whether the whole time has passed before ctx was done.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// jsonText returns a value as JSON. A json.RawMessage stays as it is, byte for byte.
func jsonText(value any) (json.RawMessage, error) {
	if raw, ok := value.(json.RawMessage); ok {
		if !json.Valid(raw) {
			return nil, errors.New("the json.RawMessage is not valid JSON")
		}
		return raw, nil
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}

func millis(d time.Duration) int64 {
	// A part of a millisecond counts as a whole one. Otherwise a short time would become 0, which often means "now".
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// epochMillis returns 0 for the zero time, so that omitempty leaves it out.
func epochMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func epochTime(ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return time.UnixMilli(*ms)
}
