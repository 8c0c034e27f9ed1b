// Command echo is a function that does what its event says, well or badly.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/config"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
)

type event struct {
	Do       string          `json:"do"`
	Function string          `json:"function"`
	Payload  json.RawMessage `json:"payload"`
}

type reply struct {
	Pid       int      `json:"pid"`
	Env       []string `json:"env"`
	RequestID string   `json:"request_id"`
	ARN       string   `json:"arn"`
	Left      int64    `json:"left_ms"`
	Text      string   `json:"text"`
	Error     string   `json:"error"`
}

func main() {
	if os.Getenv("INIT_ERROR") != "" {
		url := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/init/error"
		if _, err := http.Post(url, "application/json", bytes.NewBufferString(`{"errorType":"Settings"}`)); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	lambda.Start(handle)
}

func handle(ctx context.Context, e event) (reply, error) {
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	r := reply{
		Pid: os.Getpid(), Env: os.Environ(), RequestID: lc.AwsRequestID, ARN: lc.InvokedFunctionArn,
		Left: time.Until(deadline).Milliseconds(),
	}
	switch e.Do {
	case "fail":
		return r, errors.New("could not")
	case "exit":
		os.Exit(3)
	case "die":
		return r, syscall.Kill(r.Pid, syscall.SIGKILL)
	case "hang":
		select {}
	case "big":
		r.Text = strings.Repeat("x", 7<<20)
	case "log":
		fmt.Println("line from the function")
	case "call":
		return call(ctx, r, e)
	}
	return r, nil
}

func call(ctx context.Context, r reply, e event) (reply, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return r, err
	}
	out, err := lambdaapi.NewFromConfig(cfg).Invoke(ctx, &lambdaapi.InvokeInput{FunctionName: &e.Function, Payload: e.Payload})
	if err != nil {
		return r, err
	}
	r.Text = string(out.Payload)
	if out.FunctionError != nil {
		r.Error = *out.FunctionError
	}
	return r, nil
}
