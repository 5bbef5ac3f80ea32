package holdfast_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/holdfast/holdfast-go"
)

// answering is a service that answers with these statuses one after the other, and counts the requests.
func answering(t *testing.T, statuses ...int) (*holdfast.Queue, *int) {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := statuses[min(requests, len(statuses)-1)]
		requests++
		if r.Header.Get("Authorization") != "Bearer hf_secret" || r.URL.EscapedPath() == "" {
			status = http.StatusUnauthorized
		}
		w.Header().Set("Retry-After", "2")
		w.WriteHeader(status)
		if status < 300 {
			_, _ = w.Write([]byte(`{"id":"a","state":"pending"}`))
		} else {
			_, _ = w.Write([]byte(`{"code":"queue_full","detail":"no","errors":[{"path":"/a/b"}]}`))
		}
	}))
	t.Cleanup(server.Close)
	return holdfast.NewQueue("q", holdfast.Connection{URL: server.URL + "/", Key: "hf_secret"}), &requests
}

func TestEnqueueWithAnIDIsRepeatedWhileTheServiceIsAway(t *testing.T) {
	queue, requests := answering(t, 503, 500, 201)
	receipt := must[*holdfast.Receipt](t)(queue.Enqueue(context.Background(), "t", 1, &holdfast.TaskOptions{ID: "a"}))
	equal(t, "state", receipt.State, "pending")
	equal(t, "requests", *requests, 3)
}

func TestEnqueueWithoutAnIDIsSentOnce(t *testing.T) {
	queue, requests := answering(t, 503, 201)
	if _, err := queue.Enqueue(context.Background(), "t", 1, nil); err == nil {
		t.Fatal("no error")
	}
	equal(t, "requests", *requests, 1)
}

func TestRefusalIsReturnedAtOnce(t *testing.T) {
	queue, requests := answering(t, 429, 201)
	_, err := queue.Enqueue(context.Background(), "t", 1, &holdfast.TaskOptions{ID: "a"})
	var told *holdfast.APIError
	if !errors.As(err, &told) {
		t.Fatalf("got %v", err)
	}
	equal(t, "code", told.Code, "queue_full")
	equal(t, "field", told.Field, "a.b")
	equal(t, "retry after", told.RetryAfter, 2*time.Second)
	equal(t, "requests", *requests, 1)
}

func TestWaitEndsWithItsContext(t *testing.T) {
	queue, _ := answering(t, 200)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := queue.Wait(ctx, "a")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
}

func TestPayloadWithoutAJSONFormIsRefused(t *testing.T) {
	queue, requests := answering(t, 201)
	if _, err := queue.Enqueue(context.Background(), "t", func() {}, nil); err == nil {
		t.Fatal("no error")
	}
	equal(t, "requests", *requests, 0)
}
