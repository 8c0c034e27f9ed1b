package chutes_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/chutes"
)

// BenchmarkStreamedReply measures the client alone on a reply of 20 chunks: the
// server hands out bytes that were made before. cpu-ms/op is the processor time of
// the whole process, thus an upper bound.
func BenchmarkStreamedReply(b *testing.B) {
	var body strings.Builder
	for i := range 20 {
		fmt.Fprintf(&body, `data: {"id":"chatcmpl-0","object":"chat.completion.chunk","created":0,"model":"alice/affine","choices":[{"index":0,"delta":{"role":"assistant","content":"x%d=True, "},"finish_reason":null}],"usage":null}`+"\n\n", i)
	}
	body.WriteString(finish + usage + done)
	client := chutes.New(chutes.Config{Inference: canned(b, body.String()), Key: testKey})
	defer client.CloseIdle()
	prompt := strings.Repeat("(x1 ∨ ¬x2 ∨ x3) ∧ ", 200)
	b.ReportAllocs()
	b.ResetTimer()
	before := processorTime(b)
	for b.Loop() {
		if _, err := client.Complete(context.Background(), testTask, prompt, 1); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// canned answers each request on a connection with the body, chunk by chunk as
// events come, and spends next to nothing on it.
func canned(b *testing.B, body string) string {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = listener.Close() })
	var answer strings.Builder
	answer.WriteString("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
	for _, event := range strings.SplitAfter(body, "\n\n") {
		if event != "" {
			answer.WriteString(strconv.FormatInt(int64(len(event)), 16) + "\r\n" + event + "\r\n")
		}
	}
	answer.WriteString("0\r\n\r\n")
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go answerAll(conn, answer.String())
		}
	}()
	return "http://" + listener.Addr().String()
}

// answerAll answers whenever a request has been read to its end, which JSON marks.
func answerAll(conn net.Conn, answer string) {
	defer func() { _ = conn.Close() }()
	buf := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		if strings.HasSuffix(string(buf[:n]), "}}") {
			if _, err := io.WriteString(conn, answer); err != nil {
				return
			}
		}
	}
}
